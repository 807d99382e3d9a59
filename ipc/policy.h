/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * policy.h - who may attach: the kernel says who it is, lists say whether that will do.
 *
 * Without any list: the primary's own user, root, and members of the group "cleat" if there is one.
 * Lists add to that.
 */
#ifndef CLEAT_IPC_POLICY_H
#define CLEAT_IPC_POLICY_H

#include <stdbool.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_POLICY_MAX   32
#define CLEAT_PEER_GROUPS  256
#define CLEAT_POLICY_GROUP "cleat"

struct cleat_policy {
	uid_t users[CLEAT_POLICY_MAX];
	gid_t groups[CLEAT_POLICY_MAX];
	unsigned int n_users, n_groups;
};

/* As it was when the peer called connect(). */
struct cleat_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	unsigned int n_groups; /* supplementary */
	gid_t groups[CLEAT_PEER_GROUPS];
};

/** Allow our own user, root, and the group "cleat" if it exists. */
void cleat_policy_init(struct cleat_policy *policy);

/** Allow a user or group more, by name or number. @return 0; -ENOENT when there is no such, -ENOSPC
 * when the list is full */
int cleat_policy_allow_user(struct cleat_policy *policy, const char *user);
int cleat_policy_allow_group(struct cleat_policy *policy, const char *group);

/** Ask the kernel who is at the other end of a connected socket. */
int cleat_peer_read(int sock, struct cleat_peer *peer);

/** A pidfd of the peer (SO_PEERPIDFD, else pidfd_open). @return descriptor, readable once the peer
 * is dead; -ESRCH when it is gone already and the kernel has forgotten it */
int cleat_peer_pidfd(int sock, const struct cleat_peer *peer);

bool cleat_policy_allows(const struct cleat_policy *policy, const struct cleat_peer *peer);
/** 0, or -EACCES with a sentence that names the user and says which option would let it in. */
int cleat_policy_check(const struct cleat_policy *policy, const struct cleat_peer *peer);

#ifdef __cplusplus
}
#endif

#endif
