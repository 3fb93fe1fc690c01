/* openapi.c - see openapi.h. */
#include "api/openapi.h"

#include "api/call.h"
#include "api/openapi_data.h"

void vecd_openapi_get(vecd_api_call *call) {
  vecd_buf body;
  vecd_buf_init(&body, VECD_MEM_HTTP);
  vecd_buf_append(&body, vecd_openapi_data, vecd_openapi_data_len);
  vecd_call_reply(call, 200, &body);
}
