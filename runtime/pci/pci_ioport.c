/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_ioport.c - reads and writes of I/O ports, by descriptor or by instructions. */
#include "runtime/pci/pci_ioport.h"

#include <errno.h>
#include <string.h>

#include "runtime/pci/pci_file.h"

#if defined(__x86_64__) || defined(__i386__)
#include <sys/io.h>

/* The kernel gives the right to a thread. */
static int may_use_instructions(void)
{
	static _Thread_local int allowed;

	if (!allowed && iopl(3) < 0)
		return cleat_err(
			-errno, "I/O ports need root (CAP_SYS_RAWIO): %s", strerror(errno));
	allowed = 1;
	return 0;
}

static void port_read(uint16_t port, void *buf, uint32_t len)
{
	uint8_t v8;
	uint16_t v16;
	uint32_t v32;

	if (len == 1) {
		v8 = inb(port);
		memcpy(buf, &v8, 1);
	} else if (len == 2) {
		v16 = inw(port);
		memcpy(buf, &v16, 2);
	} else {
		v32 = inl(port);
		memcpy(buf, &v32, 4);
	}
}

static void port_write(uint16_t port, const void *buf, uint32_t len)
{
	uint32_t v = 0;

	memcpy(&v, buf, len); /* little endian: as all that has these instructions */
	if (len == 1)
		outb((uint8_t)v, port);
	else if (len == 2)
		outw((uint16_t)v, port);
	else
		outl(v, port);
}
#else
static int may_use_instructions(void)
{
	return cleat_err(-ENOTSUP, "this processor has no instructions for I/O ports");
}

static void port_read(uint16_t port, void *buf, uint32_t len)
{
	(void)port;
	memset(buf, 0xff, len);
}

static void port_write(uint16_t port, const void *buf, uint32_t len)
{
	(void)port;
	(void)buf;
	(void)len;
}
#endif

static int check(const struct cleat_pci_ioport *io, uint32_t off, uint32_t len)
{
	if ((len == 1 || len == 2 || len == 4) && off <= io->len && len <= io->len - off)
		return 0;
	return cleat_err(-ERANGE, "%u bytes at port 0x%x of a range of 0x%x", len, off, io->len);
}

int cleat_pci_ioport_read(const struct cleat_pci_ioport *io, uint32_t off, void *buf, uint32_t len)
{
	int ret = check(io, off, len);

	if (ret == 0 && io->fd >= 0)
		return cleat_pci_pread(io->fd, buf, len, io->fd_off + off);
	if (ret == 0)
		ret = may_use_instructions();
	if (ret == 0)
		port_read((uint16_t)(io->base + off), buf, len);
	return ret;
}

int cleat_pci_ioport_write(
	const struct cleat_pci_ioport *io, uint32_t off, const void *buf, uint32_t len)
{
	int ret = check(io, off, len);

	if (ret == 0 && io->fd >= 0)
		return cleat_pci_pwrite(io->fd, buf, len, io->fd_off + off);
	if (ret == 0)
		ret = may_use_instructions();
	if (ret == 0)
		port_write((uint16_t)(io->base + off), buf, len);
	return ret;
}
