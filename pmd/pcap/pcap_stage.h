/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap_stage.h - net_pcap, data side, tx: the way of records through the stage into the file.
 *
 * A system call costs more than the copying of a burst, so bursts are collected; pcap_state.h says
 * why none is lost when the owner dies. Two threads write the file: the one that sends, and the
 * queue's own, which looks now and then whether something was left, because a program that has
 * nothing to send makes no calls. They do not wait for each other: both write the same bytes to
 * the same place, and WRITTEN stands still while the queue's thread reads the stage.
 *
 * The two words in shared memory are for the primary, when the owner is dead. Others may write
 * them, so the owner reads them once, when it begins, and from then on its own.
 *
 * Space on the disk is reserved before records count as sent, so that they cannot fail to go out
 * later. Where it cannot be, each burst is written before it counts.
 */
#ifndef CLEAT_PMD_PCAP_STAGE_H
#define CLEAT_PMD_PCAP_STAGE_H

#include <pthread.h>
#include <semaphore.h>

#include "pmd/pcap/pcap_state.h"
#include "runtime/port.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_pcap_stage {
	uint8_t *bytes; /* the stage, twice in a row: what wraps is in one piece */
	int file;
	int reservable;	       /* fallocate(2) works there, and no limit is set */
	uint64_t reserved;     /* end of the space that is ours */
	uint64_t end;	       /* END; the sender's to move */
	uint64_t written;      /* WRITTEN; moved by the thread that holds writing */
	uint64_t *shm_end;     /* CLEAT_PCAP_TX_END, stored before end is; never read */
	uint64_t *shm_written; /* CLEAT_PCAP_TX_WRITTEN, likewise */
	uint32_t dropped;      /* 1: records were, as somebody has cut the file short */
	uint32_t writing;      /* 1: WRITTEN is a thread's, and what lies behind it is read */
	pthread_t thread;
	sem_t quit;
};

/**
 * Begin where the last owner ended.
 *
 * @param file, memory  the file and the stage; taken, whatever the outcome
 * @return              0; -EPROTO if what the last owner left makes no sense; -ENOMEM, …
 */
int cleat_pcap_stage_open(
	struct cleat_pcap_stage *s, struct cleat_queue_shm *shm, int file, int memory);

/** Write what is left, end the thread. @return 0; -EIO: it stays in the stage, for the primary, or
 * was dropped */
int cleat_pcap_stage_close(struct cleat_pcap_stage *s);

/** Were records dropped since the last call? Says so in the log. */
int cleat_pcap_stage_dropped(struct cleat_pcap_stage *s);

/** Write what is whole. @return 0; -EIO: it stays in the stage */
int cleat_pcap_stage_write(struct cleat_pcap_stage *s);

/**
 * Records up to @p end are whole.
 *
 * @return  0: they count as sent. -EIO: they do not, the disk is full
 */
int cleat_pcap_stage_commit(struct cleat_pcap_stage *s, uint64_t end);

/** Room behind s->end. */
cleat_inline uint64_t cleat_pcap_stage_room(const struct cleat_pcap_stage *s)
{
	/* partner: look(), whose write(2) has read what is used anew now */
	return CLEAT_PCAP_STAGE_BYTES - (s->end - cleat_load_acquire(&s->written));
}

/** Where byte @p at of the file is made. */
cleat_inline uint8_t *cleat_pcap_stage_at(const struct cleat_pcap_stage *s, uint64_t at)
{
	return s->bytes + (at & (CLEAT_PCAP_STAGE_BYTES - 1));
}

#ifdef __cplusplus
}
#endif

#endif
