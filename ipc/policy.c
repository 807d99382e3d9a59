/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipc/policy.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/error.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

#define NAME_BUF 16384 /* for what libc reads about one user or group */

static bool add_user(struct cleat_policy *policy, uid_t uid)
{
	unsigned int i;

	for (i = 0; i < policy->n_users; i++)
		if (policy->users[i] == uid)
			return true;
	if (policy->n_users == CLEAT_POLICY_MAX)
		return false;
	policy->users[policy->n_users++] = uid;
	return true;
}

static bool add_group(struct cleat_policy *policy, gid_t gid)
{
	unsigned int i;

	for (i = 0; i < policy->n_groups; i++)
		if (policy->groups[i] == gid)
			return true;
	if (policy->n_groups == CLEAT_POLICY_MAX)
		return false;
	policy->groups[policy->n_groups++] = gid;
	return true;
}

static bool find_group(const char *name, gid_t *gid)
{
	struct group entry, *found = NULL;
	char buf[NAME_BUF];

	if (getgrnam_r(name, &entry, buf, sizeof(buf), &found) != 0 || !found)
		return false;
	*gid = found->gr_gid;
	return true;
}

static bool find_user(const char *name, uid_t *uid)
{
	struct passwd entry, *found = NULL;
	char buf[NAME_BUF];

	if (getpwnam_r(name, &entry, buf, sizeof(buf), &found) != 0 || !found)
		return false;
	*uid = found->pw_uid;
	return true;
}

/* A number that may be a user's or group's: (id_t)-1 means "none" to the kernel. */
static bool parse_id(const char *text, id_t *id)
{
	unsigned long value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end != '\0' || value >= 0xffffffffUL)
		return false;
	*id = (id_t)value;
	return true;
}

void cleat_policy_init(struct cleat_policy *policy)
{
	gid_t gid;

	memset(policy, 0, sizeof(*policy));
	(void)add_user(policy, 0);
	(void)add_user(policy, geteuid());
	if (find_group(CLEAT_POLICY_GROUP, &gid))
		(void)add_group(policy, gid);
}

int cleat_policy_allow_user(struct cleat_policy *policy, const char *user)
{
	uid_t uid;

	if (!find_user(user, &uid) && !parse_id(user, &uid))
		return cleat_err(-ENOENT, "allow-user %s: there is no such user", user);
	if (!add_user(policy, uid))
		return cleat_err(-ENOSPC,
			"allow-user %s: at most %d users can be allowed; use a group", user,
			CLEAT_POLICY_MAX);
	return 0;
}

int cleat_policy_allow_group(struct cleat_policy *policy, const char *group)
{
	gid_t gid;

	if (!find_group(group, &gid) && !parse_id(group, &gid))
		return cleat_err(-ENOENT, "allow-group %s: there is no such group", group);
	if (!add_group(policy, gid))
		return cleat_err(-ENOSPC, "allow-group %s: at most %d groups can be allowed", group,
			CLEAT_POLICY_MAX);
	return 0;
}

int cleat_peer_read(int sock, struct cleat_peer *peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	memset(peer, 0, sizeof(*peer));
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || len != sizeof(cred))
		return cleat_err(-errno, "cannot ask who connected: %s", strerror(errno));
	peer->pid = cred.pid;
	peer->uid = cred.uid;
	peer->gid = cred.gid;
	len = sizeof(peer->groups);
	/* more groups than fit (ERANGE): judged by user and main group alone */
	if (getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &len) == 0)
		peer->n_groups = (unsigned int)(len / sizeof(gid_t));
	return 0;
}

int cleat_peer_pidfd(int sock, const struct cleat_peer *peer)
{
	int fd = -1;
	socklen_t len = sizeof(fd);
	struct pollfd pfd = { .fd = sock, .events = 0 };

	if (getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, &fd, &len) == 0)
		return fd;
	if (errno == ESRCH)
		return cleat_err(-ESRCH, "pid %d is gone", (int)peer->pid);
	fd = (int)syscall(SYS_pidfd_open, peer->pid, 0);
	if (fd < 0)
		return cleat_err(
			-errno, "cannot watch pid %d: %s", (int)peer->pid, strerror(errno));
	/* while its socket is open, the number has not been given to another process */
	if (poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLHUP | POLLERR)) != 0) {
		close(fd);
		return cleat_err(-ESRCH, "pid %d is gone", (int)peer->pid);
	}
	return fd;
}

static bool group_allowed(const struct cleat_policy *policy, gid_t gid)
{
	unsigned int i;

	for (i = 0; i < policy->n_groups; i++)
		if (policy->groups[i] == gid)
			return true;
	return false;
}

static int refuse(const struct cleat_peer *peer)
{
	struct passwd entry, *found = NULL;
	char buf[NAME_BUF], name[64];

	(void)snprintf(name, sizeof(name), "%u", (unsigned int)peer->uid);
	if (getpwuid_r(peer->uid, &entry, buf, sizeof(buf), &found) == 0 && found)
		(void)snprintf(name, sizeof(name), "%s", found->pw_name);
	return cleat_err(-EACCES,
		"user %s (uid %u, pid %d) is not allowed to attach: start the primary with "
		"--allow-user %s, or put the user into group " CLEAT_POLICY_GROUP
		" or one given by --allow-group",
		name, (unsigned int)peer->uid, (int)peer->pid, name);
}

bool cleat_policy_allows(const struct cleat_policy *policy, const struct cleat_peer *peer)
{
	unsigned int i;

	for (i = 0; i < policy->n_users; i++)
		if (policy->users[i] == peer->uid)
			return true;
	if (group_allowed(policy, peer->gid))
		return true;
	for (i = 0; i < peer->n_groups; i++)
		if (group_allowed(policy, peer->groups[i]))
			return true;
	return false;
}

int cleat_policy_check(const struct cleat_policy *policy, const struct cleat_peer *peer)
{
	return cleat_policy_allows(policy, peer) ? 0 : refuse(peer);
}
