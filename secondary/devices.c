/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/devices.h"

#include "secondary/request.h"

int cleat_ctl_device_attach(const char *spec)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__DeviceAttach body = CLEAT__DEVICE_ATTACH__INIT;
	uint64_t port = 0;
	int err;

	body.args = cleat_request_text(spec);
	env.body_case = CLEAT__ENVELOPE__BODY_DEVICE_ATTACH;
	env.device_attach = &body;
	err = cleat_request_call(&env, &port);
	return err < 0 ? err : (int)port;
}

int cleat_ctl_device_detach(const char *name)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__DeviceDetach body = CLEAT__DEVICE_DETACH__INIT;

	body.name = cleat_request_text(name);
	env.body_case = CLEAT__ENVELOPE__BODY_DEVICE_DETACH;
	env.device_detach = &body;
	return cleat_request_call(&env, NULL);
}
