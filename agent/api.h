/* The agent API (agent.proto) as a service for the RPC server: one function per call. */
#pragma once

#include "agent/agent.h"

#include <protobuf-c/protobuf-c.h>

struct api;

/* The service's calls act on a, which must outlive it. */
int api_new(struct agent *a, struct api **ret) CHECKED;
void api_free(struct api *api);
ProtobufCService *api_service(struct api *api);
