/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_pcap, control side: opens the files, so that workers need no access to them, and looks into
 * them before the port exists.
 *
 *   net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap,infinite_rx=1
 *
 * Each rx_pcap= is an rx queue, each tx_pcap= a tx queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pmd/pcap/pcap_file.h"
#include "pmd/pcap/pcap_state.h"
#include "pmd/pcap/pcap_tx_ctrl.h"
#include "pmd/vdev_args.h"
#include "runtime/log.h"
#include "runtime/port.h"

struct pcap_port {
	struct cleat_port_ctrl port;
	int fds[2][CLEAT_MAX_QUEUES];
	int stages[CLEAT_MAX_QUEUES]; /* of tx queues */
	unsigned count[2];
	int infinite;
};

static const struct cleat_kvkey keys[] = { { "rx_pcap", 1 }, { "tx_pcap", 1 }, { "infinite_rx", 0 },
	{ NULL, 0 } };

static void close_files(struct pcap_port *pp)
{
	for (unsigned dir = 0; dir < 2; dir++)
		for (unsigned i = 0; i < pp->count[dir]; i++)
			(void)close(pp->fds[dir][i]);
	for (unsigned i = 0; i < pp->count[CLEAT_TX]; i++)
		(void)close(pp->stages[i]);
}

/* Can packets be read from it? Says so now, not when a worker comes. */
static int check_capture(int fd, const char *path, int infinite)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	struct stat st;
	pcap_t *pcap;
	int ret;

	if (fstat(fd, &st) < 0)
		return cleat_err(-errno, "rx_pcap=%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return cleat_err(-EINVAL, "rx_pcap=%s is not a regular file", path);
	if (st.st_size == 0)
		return cleat_err(-EINVAL, "rx_pcap=%s is empty", path);
	pcap = cleat_pcap_open_fd(fd, path, NULL, 0);
	if (pcap == NULL)
		return -EINVAL;
	ret = pcap_next_ex(pcap, &header, &data);
	if (ret == PCAP_ERROR)
		ret = cleat_err(
			-EINVAL, "rx_pcap=%s has no whole packet: %s", path, pcap_geterr(pcap));
	else if (ret != 1 && infinite)
		ret = cleat_err(
			-EINVAL, "rx_pcap=%s holds no packets, infinite_rx=1 needs some", path);
	else if (ret != 1)
		cleat_log(CLEAT_LOG_WARNING, "rx_pcap=%s holds no packets", path);
	pcap_close(pcap);
	return ret < 0 && ret != PCAP_ERROR_BREAK ? ret : 0;
}

/* Readers share a file, a writer has it alone, as long as its primary lives: also against other
 * devices and instances. Workers have descriptors of their own, which do not hold the lock. A file
 * system without locks does without. */
static int lock(int fd, int how, const char *key, const char *path)
{
	if (flock(fd, how | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return 0;
	return cleat_err(-EBUSY,
		"%s=%s is in use by another device or primary, and one of them writes it; end that, or "
		"choose another file",
		key, path);
}

static int open_rx(const char *path, int infinite)
{
	int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* not to wait for a FIFO's writer */
	int ret;

	if (fd < 0)
		return cleat_err(-errno, "rx_pcap=%s: %s", path, strerror(errno));
	ret = lock(fd, LOCK_SH, "rx_pcap", path);
	if (ret == 0)
		ret = check_capture(fd, path, infinite);
	if (ret < 0) {
		(void)close(fd);
		return ret;
	}
	return fd;
}

/* Two queues that write one file, or one that reads what another writes, would spoil it. */
static int check_distinct(const struct pcap_port *pp, int fd, const char *path)
{
	struct stat a, b;

	if (fstat(fd, &a) < 0)
		return cleat_err(-errno, "%s: %s", path, strerror(errno));
	for (unsigned dir = 0; dir < 2; dir++)
		for (unsigned i = 0; i < pp->count[dir]; i++)
			if (fstat(pp->fds[dir][i], &b) == 0 && a.st_dev == b.st_dev &&
				a.st_ino == b.st_ino)
				return cleat_err(-EINVAL,
					"tx_pcap=%s is used by another queue of this device", path);
	return 0;
}

static int open_tx(const struct pcap_port *pp, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
	struct stat st;
	int ret;

	if (fd < 0)
		return cleat_err(-errno, "tx_pcap=%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		ret = cleat_err(-EINVAL, "tx_pcap=%s is not a regular file", path);
	else
		ret = check_distinct(pp, fd, path); /* before what is in it goes */
	if (ret >= 0)
		ret = lock(fd, LOCK_EX, "tx_pcap", path);
	if (ret >= 0 && ftruncate(fd, 0) < 0)
		ret = cleat_err(-errno, "tx_pcap=%s: %s", path, strerror(errno));
	if (ret >= 0 && (ret = cleat_pcap_tx_begin(fd)) < 0)
		ret = cleat_err_prefix(ret, "tx_pcap=%s", path);
	if (ret < 0) {
		(void)close(fd);
		return ret;
	}
	return fd;
}

static int open_file(struct pcap_port *pp, enum cleat_dir dir, const char *path)
{
	unsigned queue = pp->count[dir];
	int fd = dir == CLEAT_RX ? open_rx(path, pp->infinite) : open_tx(pp, path);

	if (fd >= 0 && dir == CLEAT_TX && (pp->stages[queue] = cleat_pcap_tx_stage()) < 0) {
		(void)close(fd);
		fd = pp->stages[queue];
	}
	if (fd < 0)
		return fd;
	pp->fds[dir][queue] = fd;
	pp->count[dir]++;
	return 0;
}

static int open_files(struct pcap_port *pp, const struct cleat_kvargs *args, enum cleat_dir dir)
{
	const char *key = dir == CLEAT_RX ? "rx_pcap" : "tx_pcap";
	const char *path;

	if (cleat_kvargs_count(args, key) > CLEAT_MAX_QUEUES)
		return cleat_err(
			-EINVAL, "%s: more than %d times %s", args->name, CLEAT_MAX_QUEUES, key);
	for (unsigned i = 0; (path = cleat_kvargs_nth(args, key, i)) != NULL; i++) {
		int ret = open_file(pp, dir, path);

		if (ret < 0)
			return cleat_err_prefix(ret, "%s", args->name);
	}
	return 0;
}

static int parse(const struct cleat_device *device, struct pcap_port *pp)
{
	struct cleat_kvargs args;
	int ret = cleat_vdev_args(device, keys, &args);

	if (ret >= 0)
		ret = cleat_kvargs_bool(&args, "infinite_rx", &pp->infinite);
	if (ret >= 0 && args.count == 0)
		ret = cleat_err(-EINVAL, "%s needs rx_pcap=FILE or tx_pcap=FILE", device->name);
	if (ret >= 0 && pp->infinite && cleat_kvargs_get(&args, "rx_pcap") == NULL)
		ret = cleat_err(-EINVAL, "%s: infinite_rx=1 without rx_pcap=FILE", device->name);
	if (ret >= 0)
		ret = open_files(pp, &args, CLEAT_RX);
	if (ret >= 0)
		ret = open_files(pp, &args, CLEAT_TX);
	cleat_kvargs_free(&args);
	return ret;
}

/* A descriptor of the same file with its own position, and for reading only where dir is rx. */
static int open_again(int fd, enum cleat_dir dir)
{
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, (dir == CLEAT_RX ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
	return fd < 0 ? cleat_err(-errno, "cannot open its capture again: %s", strerror(errno))
		      : fd;
}

static int queue_open(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue,
	struct cleat_queue_grant *grant)
{
	const struct pcap_port *pp = (const struct pcap_port *)port->driver_data;
	int fd;

	if (queue >= pp->count[dir])
		return cleat_err(
			-EINVAL, "port %s has no queue %u of that kind", port->name, queue);
	fd = open_again(pp->fds[dir][queue], dir);
	if (fd < 0)
		return cleat_err_prefix(fd, "port %s", port->name);
	grant->fds[0] = fd;
	grant->n_fds = 1;
	if (dir == CLEAT_RX)
		return 0;
	fd = fcntl(pp->stages[queue], F_DUPFD_CLOEXEC, 0);
	if (fd < 0) {
		fd = -errno;
		(void)close(grant->fds[0]);
		return cleat_err(
			fd, "port %s: cannot share its stage: %s", port->name, strerror(-fd));
	}
	grant->fds[grant->n_fds++] = fd;
	return 0;
}

static int queue_reset(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue)
{
	const struct pcap_port *pp = (const struct pcap_port *)port->driver_data;
	int ret;

	if (dir != CLEAT_TX || queue >= pp->count[CLEAT_TX])
		return 0;
	ret = cleat_pcap_tx_settle(pp->fds[CLEAT_TX][queue], pp->stages[queue],
		cleat_port_ctrl_queue(port, dir, queue));
	return ret < 0 ? cleat_err_prefix(ret, "port %s tx queue %u", port->name, queue) : 0;
}

static const struct cleat_port_ops ops = {
	.queue_open = queue_open,
	.queue_reset = queue_reset,
};

static int add_port(
	struct cleat_device *device, const struct cleat_services *services, struct pcap_port *pp)
{
	struct cleat_port_ctrl *port = &pp->port;
	int ret;

	cleat_vdev_port(device, port, &ops, pp->count[CLEAT_RX], pp->count[CLEAT_TX]);
	port->driver_data = pp;
	ret = services->port_add(services->ctx, port);
	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < pp->count[CLEAT_RX]; i++)
		cleat_port_ctrl_queue(port, CLEAT_RX, i)->driver[CLEAT_PCAP_RX_INFINITE] =
			(uint64_t)pp->infinite;
	for (unsigned i = 0; i < pp->count[CLEAT_TX]; i++)
		for (unsigned word = CLEAT_PCAP_TX_END; word <= CLEAT_PCAP_TX_WRITTEN; word++)
			cleat_port_ctrl_queue(port, CLEAT_TX, i)->driver[word] =
				CLEAT_PCAP_HEADER_BYTES;
	return 0;
}

static int pcap_probe(struct cleat_device *device, const struct cleat_services *services)
{
	struct pcap_port *pp = (struct pcap_port *)calloc(1, sizeof(*pp));
	int ret;

	if (pp == NULL)
		return cleat_err(-ENOMEM, "no memory for device %s", device->name);
	ret = parse(device, pp);
	if (ret >= 0)
		ret = add_port(device, services, pp);
	if (ret < 0) {
		close_files(pp);
		free(pp);
		return ret;
	}
	device->driver_data = pp;
	return 0;
}

static int pcap_remove(struct cleat_device *device, const struct cleat_services *services)
{
	struct pcap_port *pp = (struct pcap_port *)device->driver_data;
	int ret = services->port_remove(services->ctx, &pp->port);

	if (ret < 0)
		return ret;
	close_files(pp);
	free(pp);
	return 0;
}

static struct cleat_driver pcap_driver = {
	.name = "net_pcap",
	.bus = "vdev",
	.probe = pcap_probe,
	.remove = pcap_remove,
	.usage = "rx_pcap=FILE,…,tx_pcap=FILE,…,infinite_rx=0|1",
};
CLEAT_DRIVER_REGISTER(pcap_driver)
