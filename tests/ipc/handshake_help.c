/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/ipc/handshake_help.h"

#include <errno.h>

#include "proto/version.h"

const Cleat__Envelope__BodyCase handshake_kinds[N_KINDS] = { CLEAT__ENVELOPE__BODY__NOT_SET,
	KIND(HELLO), KIND(WELCOME), KIND(MAP), KIND(READY), KIND(REJECT), KIND(FAILED),
	KIND(MAPPED), KIND(REPLY), KIND(EVENT), KIND(ZONE_FREE), KIND(PING) };

Cleat__Envelope handshake_make(Cleat__Envelope__BodyCase kind, uint32_t id)
{
	static Cleat__Hello hello;
	static Cleat__Welcome welcome;
	static Cleat__Map map;
	static Cleat__Ready ready;
	static Cleat__Reject reject;
	static Cleat__Failed failed;
	static Cleat__Mapped mapped;
	static Cleat__Reply reply;
	static Cleat__Event event;
	static Cleat__ZoneFree zone_free;
	static Cleat__Ping ping;
	static char name[] = "worker", version[] = "1.2.3", detail[] = "window\noccupied";
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;

	env.id = id;
	env.body_case = kind;
	switch (kind) {
	case CLEAT__ENVELOPE__BODY_HELLO:
		cleat__hello__init(&hello);
		hello.proto_major = CLEAT_PROTO_MAJOR;
		hello.proto_minor = CLEAT_PROTO_MINOR;
		hello.abi = CLEAT_ABI;
		hello.name = name;
		hello.version = version;
		hello.role = CLEAT__ROLE__ROLE_SECONDARY;
		hello.tid = 42;
		env.hello = &hello;
		break;
	case CLEAT__ENVELOPE__BODY_WELCOME:
		cleat__welcome__init(&welcome);
		welcome.proto_major = CLEAT_PROTO_MAJOR;
		welcome.abi = CLEAT_ABI;
		welcome.version = version;
		welcome.slot = 3;
		welcome.thread = 5;
		welcome.window_base = CLEAT_WINDOW_BASE_DEFAULT;
		welcome.window_len = CLEAT_WINDOW_LEN_DEFAULT;
		welcome.registry_len = 4096;
		env.welcome = &welcome;
		break;
	case CLEAT__ENVELOPE__BODY_MAP:
		cleat__map__init(&map);
		env.map = &map;
		break;
	case CLEAT__ENVELOPE__BODY_READY:
		cleat__ready__init(&ready);
		env.ready = &ready;
		break;
	case CLEAT__ENVELOPE__BODY_REJECT:
		cleat__reject__init(&reject);
		reject.status = -EACCES;
		reject.detail = detail;
		env.reject = &reject;
		break;
	case CLEAT__ENVELOPE__BODY_FAILED:
		cleat__failed__init(&failed);
		failed.status = -EEXIST;
		failed.detail = detail;
		env.failed = &failed;
		break;
	case CLEAT__ENVELOPE__BODY_MAPPED:
		cleat__mapped__init(&mapped);
		env.mapped = &mapped;
		break;
	case CLEAT__ENVELOPE__BODY_REPLY:
		cleat__reply__init(&reply);
		env.reply = &reply;
		break;
	case CLEAT__ENVELOPE__BODY_EVENT:
		cleat__event__init(&event);
		env.event = &event;
		break;
	case CLEAT__ENVELOPE__BODY_ZONE_FREE:
		cleat__zone_free__init(&zone_free);
		env.zone_free = &zone_free;
		break;
	case CLEAT__ENVELOPE__BODY_PING:
		cleat__ping__init(&ping);
		env.ping = &ping;
		break;
	default:
		break;
	}
	return env;
}
