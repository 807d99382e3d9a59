/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * notify.h - telling systemd (Type=notify) where we are; nothing happens without it.
 */
#ifndef CLEAT_PRIMARY_NOTIFY_H
#define CLEAT_PRIMARY_NOTIFY_H

void cleat_notify_ready(const char *instance);
void cleat_notify_stopping(void);

#endif
