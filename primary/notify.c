/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/notify.h"

#include <systemd/sd-daemon.h>

void cleat_notify_ready(const char *instance)
{
	(void)sd_notifyf(0, "READY=1\nSTATUS=Instance %s is ready for workers.", instance);
}

void cleat_notify_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1\nSTATUS=Ending in order.");
}
