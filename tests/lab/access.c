/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * access - run in the guest by tests/lab/test_access.py: reaches a device by the driver it is bound
 * to, and looks whether everything does what pci_access.h says.
 *
 *   access all ADDRESS    registers, configuration, interrupts, ports, reset, and rest afterwards
 *   access dma ADDRESS    memory for devices (vfio-pci)
 *   access try ADDRESS va|pa   only open it; the error goes to standard output, exit code 3
 *   access map ADDRESS    open it and map 8 scattered pages; else as try
 *   access two A B        two devices of one IOMMU group
 *   access hold ADDRESS   open, say "held", until it is unplugged
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/iova.h"
#include "runtime/pci/pci_config.h"
#include "runtime/pci/pci_file.h"
#include "runtime/pci/pci_ioport.h"
#include "runtime/pci/pci_sigbus.h"
#include "runtime/pci/pci_sysfs.h"
#include "tests/lab/access_nic.h"
#include "tests/support/spawn.h"

#define WINDOW	   CLEAT_WINDOW_BASE_DEFAULT
#define WINDOW_LEN CLEAT_WINDOW_LEN_DEFAULT
#define PAGE	   4096UL

static int is_vfio(const struct cleat_pci_device *dev)
{
	return strcmp(dev->access->driver, "vfio-pci") == 0;
}

static int readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static void open_device(struct cleat_pci_device *dev, const char *address)
{
	int fds = fd_count();

	need(cleat_pci_read(address, dev) == 0, "%s", address);
	if (cleat_pci_access_find(dev->kernel_driver) != NULL &&
		strcmp(dev->kernel_driver, "vfio-pci") != 0) {
		need(cleat_pci_open(dev, CLEAT_PCI_IOVA_VA) == -ENOTSUP, "UIO takes no VA");
		need(fd_count() == fds, "a refusal leaves nothing open");
		need(cleat_pci_open(dev, CLEAT_PCI_IOVA_PA) == 0, "open");
	} else {
		need(cleat_pci_open(dev, CLEAT_PCI_IOVA_VA) == 0, "open");
	}
}

static void check_config(struct cleat_pci_device *dev)
{
	uint16_t ids[2], command;

	need(cleat_pci_config_read(dev, 0, ids, 4) == 0, "ids");
	need(ids[0] == dev->vendor && ids[1] == dev->device_id, "%04x:%04x", ids[0], ids[1]);
	need(cleat_pci_config_read(dev, 4, &command, 2) == 0, "command");
	need((command & CLEAT_PCI_COMMAND_MASTER) == 0, "bus master is off: %04x", command);
	printf("config ok, MSI-X at 0x%x\n", cleat_pci_capability(dev, 0x11, 0));
}

static void take(struct cleat_pci_device *dev, volatile uint8_t *bar, int fd, unsigned v)
{
	uint64_t count;

	nic_quiet(dev, bar);
	if (v == 0)
		need(dev->access->irq_ack(dev) == 0, "acknowledge");
	else
		need(read(fd, &count, sizeof(count)) == sizeof(count), "count");
}

/* Each interrupt comes, and then it is quiet; moderation of the device's (82574) may delay one
 * until after the cause was cleared. */
static void check_vector(struct cleat_pci_device *dev, volatile uint8_t *bar, int fd, unsigned v)
{
	for (int i = 0; i < 3; i++) {
		int late = 0;

		nic_fire(dev, bar, v);
		need(readable(fd, 5000), "interrupt %d of vector %u", i, v);
		do {
			take(dev, bar, fd, v);
		} while (readable(fd, 50) && late++ < 3);
		need(late <= 3, "interrupt %d of vector %u does not end", i, v);
	}
}

/* igb_uio's vectors of MSI and MSI-X are not switched: pci_igb_uio.c. */
static int stays_on(struct cleat_pci_device *dev)
{
	return strcmp(dev->access->driver, "igb_uio") == 0 &&
	       (cleat_pci_msix_is_on(dev) || cleat_pci_msi_is_on(dev));
}

static void check_interrupts(struct cleat_pci_device *dev, volatile uint8_t *bar)
{
	int fds[3], irq_fd = -1, n;

	for (int i = 0; i < 3; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	n = dev->access->irq_open(dev, fds, 3, &irq_fd);
	need(n > 0 && irq_fd >= 0, "irq_open: %d", n);
	for (int late = 0; readable(irq_fd, 50); late++) { /* pending since it was last off */
		need(late < 3, "nothing fires and it interrupts");
		take(dev, bar, irq_fd, 0);
	}
	check_vector(dev, bar, irq_fd, 0);
	for (int v = 1; v < n; v++)
		check_vector(dev, bar, fds[v], (unsigned)v);
	printf("interrupts ok: %d wired, MSI-X %s\n", n, nic_has_msix_on(dev) ? "on" : "off");
	dev->access->irq_close(dev);
	need(dev->access->irq_open(dev, fds, 1, &irq_fd) == 1, "again");
	check_vector(dev, bar, irq_fd, 0);
	dev->access->irq_close(dev);
	nic_fire(dev, bar, 0);
	need(!readable(irq_fd, 100) || stays_on(dev), "interrupts are off");
	nic_quiet(dev, bar);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

/* Intel's: address at 0, data at 4. virtio's (specification 1.1, 4.1.4.8): features, …, status. */
static void check_port_range(
	struct cleat_pci_device *dev, const struct cleat_pci_ioport *io, volatile uint8_t *bar)
{
	uint32_t v = NIC_STATUS, got;
	uint8_t status = 1;

	if (nic_is_intel(dev)) {
		need(cleat_pci_ioport_write(io, 0, &v, 4) == 0, "address");
		need(cleat_pci_ioport_read(io, 4, &got, 4) == 0, "data");
		if (dev->device_id != 0x100e) /* QEMU's 82540EM has the ports and nothing behind */
			need(got == nic_read(bar, NIC_STATUS), "0x%x by ports", got);
		return;
	}
	need(cleat_pci_ioport_read(io, 0, &got, 4) == 0, "features");
	need((got & 1U << 5) != 0, "virtio offers a MAC address: 0x%x", got);
	need(cleat_pci_ioport_write(io, 18, &status, 1) == 0, "status");
	status = 0;
	need(cleat_pci_ioport_read(io, 18, &status, 1) == 0 && status == 1, "status %u", status);
	status = 0;
	need(cleat_pci_ioport_write(io, 18, &status, 1) == 0, "reset");
	need(cleat_pci_ioport_read(io, io->len, &status, 1) == -ERANGE, "the end");
}

/* A worker has the descriptor and no privileges. */
static void check_as_nobody(
	struct cleat_pci_device *dev, struct cleat_pci_ioport io, volatile uint8_t *bar)
{
	uint32_t v;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		need(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0, "%m");
		check_port_range(dev, &io, bar);
		io.fd = -1;
		need(cleat_pci_ioport_read(&io, 0, &v, 4) == -EPERM, "instructions");
		_exit(0);
	}
	need(waitpid(pid, &status, 0) == pid && status == 0, "status %d", status);
}

static void check_ports(struct cleat_pci_device *dev, volatile uint8_t *bar)
{
	struct cleat_pci_ioport io;

	for (unsigned b = 0; b < CLEAT_PCI_BARS; b++) {
		if (dev->bars[b].kind != CLEAT_BAR_IO)
			continue;
		need(dev->access->ioport(dev, b, &io) == 0, "ports of BAR %u", b);
		need(io.fd >= 0 && io.base == dev->bars[b].phys && io.len == dev->bars[b].len_bytes,
			"fd %d, 0x%x, %u", io.fd, io.base, io.len);
		check_as_nobody(dev, io, bar);
		check_port_range(dev, &io, bar);
		io.fd = -1;
		check_port_range(dev, &io, bar);
		printf("ports ok: BAR %u at 0x%x\n", b, io.base);
	}
}

static void check_pieces(struct cleat_pci_device *dev)
{
	struct cleat_pci_piece p[CLEAT_PCI_MAX_PIECES];

	for (unsigned b = 0; b < CLEAT_PCI_BARS; b++) {
		int n = dev->access->pieces(dev, b, p, CLEAT_PCI_MAX_PIECES);

		need((dev->bars[b].kind == CLEAT_BAR_MEMORY) == (n >= 0), "BAR %u: %d", b, n);
		for (int i = 0; i < n; i++)
			printf("BAR %u: 0x%llx + 0x%llx at 0x%llx\n", b,
				(unsigned long long)p[i].off, (unsigned long long)p[i].len_bytes,
				(unsigned long long)p[i].fd_off);
	}
}

static void check_reset(struct cleat_pci_device *dev)
{
	int ret = dev->access->reset(dev);

	need(ret == 0 || ret == -ENOTSUP, "reset: %d", ret);
	printf("reset: %s\n", ret == 0 ? "ok" : cleat_error());
	if (ret == 0)
		check_config(dev);
}

/* VFIO takes the mapping away while the device does not answer in memory space. */
static void check_guard(struct cleat_pci_device *dev, volatile uint8_t *bar, uint64_t len)
{
	void *va = (void *)(uintptr_t)bar;
	uint32_t status = nic_read(bar, NIC_STATUS);
	struct cleat_pci_piece p[CLEAT_PCI_MAX_PIECES];

	need(cleat_pci_guard_add(va, len) == 0, "guard");
	need(cleat_pci_command(dev, 0, CLEAT_PCI_COMMAND_MEMORY) == 0, "memory space off");
	need(nic_read(bar, NIC_STATUS) == UINT32_MAX, "ones: 0x%x", nic_read(bar, NIC_STATUS));
	need(cleat_pci_guard_is_dead(va), "by the guard");
	cleat_pci_guard_remove(va);
	need(cleat_pci_command(dev, CLEAT_PCI_COMMAND_MEMORY, 0) == 0, "memory space on");
	need(dev->access->pieces(dev, 0, p, CLEAT_PCI_MAX_PIECES) == 1, "BAR 0");
	need(mmap(va, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, p[0].fd,
		     (off_t)p[0].fd_off) == va,
		"mmap: %m");
	need(nic_read(bar, NIC_STATUS) == status, "it is back");
	printf("guard ok\n");
}

static uint16_t command_of(const char *address)
{
	uint16_t command = 0;
	int fd = cleat_pci_file_open(
		O_RDONLY, "%s/bus/pci/devices/%s/config", cleat_pci_sysfs(), address);

	need(fd >= 0 && cleat_pci_pread(fd, &command, sizeof(command), 4) == 0, "command");
	(void)close(fd);
	return command;
}

/* It may not reach memory any more, though a worker has the descriptors still, so that the kernel
 * does nothing about it by itself. */
static void close_below_worker(struct cleat_pci_device *dev)
{
	const char *address = dev->device.name;
	pid_t worker = fork();

	if (worker == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)pause();
		_exit(0);
	}
	need(cleat_pci_master_on(dev) == 0, "bus master");
	need((command_of(address) & CLEAT_PCI_COMMAND_MASTER) != 0, "bus master is on");
	cleat_pci_close(dev);
	need((command_of(address) & CLEAT_PCI_COMMAND_MASTER) == 0, "bus master is off");
	need(worker > 0 && kill(worker, SIGKILL) == 0 && waitpid(worker, NULL, 0) == worker, "%m");
	printf("rest ok\n");
}

static int all(const char *address)
{
	struct cleat_pci_device dev;
	volatile uint8_t *bar = NULL;
	uint64_t len = 0;
	int fds = fd_count();

	open_device(&dev, address);
	printf("%s by %s\n", address, dev.access->driver);
	check_config(&dev);
	check_pieces(&dev);
	if (nic_is_intel(&dev)) {
		bar = nic_map(&dev, &len);
		need(nic_read(bar, NIC_STATUS) != UINT32_MAX, "status");
		printf("status 0x%x\n", nic_read(bar, NIC_STATUS));
		need(cleat_pci_master_on(&dev) == 0, "a message is DMA");
		check_interrupts(&dev, bar);
		if (is_vfio(&dev))
			check_guard(&dev, bar, len);
	}
	check_ports(&dev, bar);
	check_reset(&dev);
	if (bar != NULL) {
		need(nic_read(bar, NIC_STATUS) != UINT32_MAX, "status");
		munmap((void *)(uintptr_t)bar, len);
	}
	close_below_worker(&dev);
	need(fd_count() == fds, "%d descriptors, %d before", fd_count(), fds);
	return 0;
}

/* ---- memory ---- */

static unsigned long locked_kib(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "VmLck: %lu", &kib);
	if (f != NULL)
		fclose(f);
	return kib;
}

static char *memory(uint64_t off, uint64_t len)
{
	void *p = mmap((void *)(WINDOW + off), len, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0);

	need(p != MAP_FAILED, "memory: %m");
	return (char *)p;
}

/* Ranges by address: what a container gets, while it is there and when it comes into being. */
static void dma_by_address(struct cleat_pci_device *dev, uint64_t shift)
{
	char *a = memory(0, 1 << 20), *b = memory(WINDOW_LEN - (2 << 20), 2 << 20);
	uint64_t iova_b = (uint64_t)(uintptr_t)b - shift;

	need(cleat_pci_dma_map(a, 1 << 20, WINDOW - shift, NULL, 0) == 0, "map");
	need(locked_kib() == 1024, "the question has opened it: %lu KiB", locked_kib());
	cleat_pci_close(dev);
	need(locked_kib() == 0, "remembered only");
	need(cleat_pci_open(dev, CLEAT_PCI_IOVA_VA) == 0, "open");
	need(locked_kib() == 1024, "%lu KiB", locked_kib());
	need(cleat_pci_dma_map(b, 2 << 20, iova_b, NULL, 0) == 0, "map");
	need(locked_kib() == 3072, "%lu KiB", locked_kib());
	need(cleat_pci_dma_map(b, PAGE, iova_b, NULL, 0) == -EEXIST, "once is enough");
	cleat_pci_close(dev);
	need(locked_kib() == 0, "gone with the container: %lu KiB", locked_kib());
	need(cleat_pci_open(dev, CLEAT_PCI_IOVA_VA) == 0, "open");
	need(locked_kib() == 3072, "replayed: %lu KiB", locked_kib());
	cleat_pci_dma_unmap(a, 1 << 20);
	need(locked_kib() == 2048, "%lu KiB", locked_kib());
	cleat_pci_dma_unmap(b, 2 << 20);
	need(locked_kib() == 0, "%lu KiB", locked_kib());
	need(cleat_pci_dma_map(a, 1 << 20, 0xfee00000, NULL, 0) < 0, "where interrupts are");
	printf("refused: %s\n", cleat_error());
	cleat_pci_close(dev);
	munmap(a, 1 << 20);
	munmap(b, 2 << 20);
}

static void dma_by_page(struct cleat_pci_device *dev)
{
	enum { PAGES = 64 };
	char *a = memory(0, PAGES * PAGE);
	uint64_t table[PAGES];

	need(mlock(a, PAGES * PAGE) == 0, "mlock");
	need(cleat_iova_read_pagemap(a, PAGES * PAGE, PAGE, table) == 0, "pagemap");
	need(munlock(a, PAGES * PAGE) == 0, "munlock");
	need(cleat_pci_open(dev, CLEAT_PCI_IOVA_PA) == 0, "open");
	need(cleat_pci_dma_map(a, PAGES * PAGE, 0, table, PAGE) == 0, "map");
	need(locked_kib() == PAGES * 4, "%lu KiB", locked_kib());
	cleat_pci_dma_unmap(a, PAGES * PAGE);
	need(locked_kib() == 0, "%lu KiB", locked_kib());
	cleat_pci_close(dev);
	munmap(a, PAGES * PAGE);
}

static int dma(const char *address)
{
	struct cleat_pci_device dev;
	uint64_t shift = 1;
	int fds = fd_count();

	need(cleat_pci_read(address, &dev) == 0, "%s", address);
	need(cleat_pci_iova_shift(&dev, WINDOW, WINDOW + WINDOW_LEN - 1, &shift) == 0, "shift");
	need(fd_count() > fds, "the group stays open");
	cleat_pci_close(&dev);
	need(fd_count() == fds, "until it is let go");
	need(cleat_pci_iova_shift(&dev, WINDOW, WINDOW + WINDOW_LEN - 1, &shift) == 0, "shift");
	printf("shift 0x%llx\n", (unsigned long long)shift);
	dma_by_address(&dev, shift);
	dma_by_page(&dev);
	need(fd_count() == fds, "%d descriptors, %d before", fd_count(), fds);
	return 0;
}

/* ---- what is refused ---- */

static int try_open(const char *address, uint32_t mode, unsigned pages)
{
	struct cleat_pci_device dev;
	char *a = memory(0, 8 * 2 * PAGE);
	int ret, fds = fd_count();

	need(cleat_pci_read(address, &dev) == 0, "%s", address);
	ret = cleat_pci_open(&dev, mode);
	for (unsigned i = 0; i < pages && ret == 0; i++)
		ret = cleat_pci_dma_map(
			a + i * 2 * PAGE, PAGE, (1UL << 30) + i * 2 * PAGE, NULL, 0);
	if (ret < 0)
		printf("%s: %s\n", strerrorname_np(-ret), cleat_error());
	cleat_pci_close(&dev);
	need(fd_count() == fds, "%d descriptors, %d before", fd_count(), fds);
	return ret < 0 ? 3 : 0;
}

/* ---- several, and none any more ---- */

static int two(const char *a, const char *b)
{
	struct cleat_pci_device one, other;
	int fds = fd_count();

	open_device(&one, a);
	open_device(&other, b);
	need(one.iommu_group == other.iommu_group, "one group");
	cleat_pci_close(&one);
	check_config(&other);
	open_device(&one, a);
	cleat_pci_close(&other);
	check_config(&one);
	cleat_pci_close(&one);
	need(fd_count() == fds, "%d descriptors, %d before", fd_count(), fds);
	return 0;
}

static int hold(const char *address)
{
	int fd = eventfd(0, EFD_NONBLOCK), irq_fd, fds = fd_count();
	struct cleat_pci_device dev;
	volatile uint8_t *bar;
	uint64_t len;
	uint32_t v, status;

	open_device(&dev, address);
	bar = nic_map(&dev, &len);
	need(cleat_pci_guard_add((void *)(uintptr_t)bar, len) == 0, "guard");
	need(dev.access->irq_open(&dev, &fd, 1, &irq_fd) == 1, "interrupt");
	status = nic_read(bar, NIC_STATUS);
	need(status != 0 && status != UINT32_MAX, "it is there");
	printf("held\n");
	fflush(stdout);
	if (is_vfio(&dev)) {
		need(readable(dev.access->unplug_fd(&dev), 30000), "the kernel wants it back");
	} else {
		need(readable(irq_fd, 30000), "the interrupt's descriptor tells");
		need(dev.access->irq_ack(&dev) == -EIO, "gone");
		/* The mapping stays (kernel 6.1), with nothing behind: ones on a bus, 0 in QEMU. */
		for (int i = 0; i < 100 && nic_read(bar, NIC_STATUS) == status; i++)
			usleep(100000);
		v = nic_read(bar, NIC_STATUS);
		need(v == 0 || v == UINT32_MAX, "status 0x%x", v);
		printf("status 0x%x, by the guard: %d\n", v,
			cleat_pci_guard_is_dead((const void *)(uintptr_t)bar));
		need(cleat_pci_config_read(&dev, 0, &v, 4) == -EIO, "no configuration");
	}
	dev.access->irq_close(&dev);
	cleat_pci_guard_remove((void *)(uintptr_t)bar);
	munmap((void *)(uintptr_t)bar, len);
	cleat_pci_close(&dev);
	need(fd_count() == fds, "%d descriptors, %d before", fd_count(), fds);
	printf("let go\n");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc >= 3 ? argv[1] : "";

	if (strcmp(what, "all") == 0)
		return all(argv[2]);
	if (strcmp(what, "dma") == 0)
		return dma(argv[2]);
	if (strcmp(what, "map") == 0)
		return try_open(argv[2], CLEAT_PCI_IOVA_VA, 8);
	if (strcmp(what, "hold") == 0)
		return hold(argv[2]);
	if (strcmp(what, "try") == 0 && argc == 4)
		return try_open(argv[2],
			strcmp(argv[3], "pa") == 0 ? CLEAT_PCI_IOVA_PA : CLEAT_PCI_IOVA_VA, 0);
	if (strcmp(what, "two") == 0 && argc == 4)
		return two(argv[2], argv[3]);
	fprintf(stderr, "usage: see the beginning of tests/lab/access.c\n");
	return 2;
}
