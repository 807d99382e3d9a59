/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipc/message.h"

#include <errno.h>
#include <string.h>

#include "runtime/error.h"

int cleat_message_send(int sock, const Cleat__Envelope *env, const int *fds, unsigned int n_fds)
{
	size_t len = cleat__envelope__get_packed_size(env);
	uint8_t data[CLEAT_MSG_MAX_BYTES];

	if (len > sizeof(data))
		return cleat_err(-EMSGSIZE, "%s message of %zu bytes: at most %d are possible",
			cleat_message_name(env), len, CLEAT_MSG_MAX_BYTES);
	if (len == 0)
		return cleat_err(-EMSGSIZE, "an empty message cannot be sent");
	(void)cleat__envelope__pack(env, data);
	return cleat_socket_send(sock, data, len, fds, n_fds);
}

int cleat_message_recv(int sock, struct cleat_message *out)
{
	uint8_t data[CLEAT_MSG_MAX_BYTES];
	int len;

	out->env = NULL;
	len = cleat_socket_recv(sock, data, sizeof(data), &out->fds);
	if (len <= 0)
		return len;
	out->env = cleat__envelope__unpack(NULL, (size_t)len, data);
	if (!out->env) {
		cleat_fds_close(&out->fds);
		return cleat_err(
			-EBADMSG, "a packet of %d bytes that is not a message of ours", len);
	}
	return 1;
}

void cleat_message_clear(struct cleat_message *m)
{
	if (m->env)
		cleat__envelope__free_unpacked(m->env, NULL);
	m->env = NULL;
	cleat_fds_close(&m->fds);
}

const char *cleat_message_name(const Cleat__Envelope *env)
{
	const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(
		env->base.descriptor, (unsigned int)env->body_case);
	const ProtobufCMessageDescriptor *type;

	if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE)
		return "unknown message";
	type = field->descriptor;
	return type->short_name;
}

int cleat_message_is_request(const Cleat__Envelope *env)
{
	return env->body_case == CLEAT__ENVELOPE__BODY__NOT_SET ||
	       env->body_case >= CLEAT__ENVELOPE__BODY_PING;
}

char *cleat_message_text(char *to, size_t len, const char *from)
{
	size_t i;

	for (i = 0; i + 1 < len && from && from[i] != '\0'; i++) {
		unsigned char c = (unsigned char)from[i];

		to[i] = c < 0x20 || c == 0x7f ? '?' : from[i];
	}
	if (len > 0)
		to[i] = '\0';
	return to;
}

int cleat_message_error(int32_t status, const char *detail)
{
	char text[CLEAT_MSG_MAX_DETAIL + 1];
	int code = status < 0 && status >= -4095 ? status : -EPROTO;

	cleat_message_text(text, sizeof(text), detail);
	return cleat_err(code, "%s", text[0] != '\0' ? text : strerror(-code));
}
