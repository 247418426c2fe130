#define _GNU_SOURCE
#include "ccurl.h"
#include <dlfcn.h>
#include <string.h>

struct cc_library cc_library(void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  struct cc_library found = {.version = info->version, .tls = info->ssl_version};
  // What came later in this record is there only if the library says so.
  if (info->age >= CURLVERSION_FOURTH) found.ssh = info->libssh_version;
  for (const char *const *name = info->protocols; *name; name++) {
    if (strcmp(*name, "sftp") == 0) found.sftp = 1;
  }
  // It comes with libssh2 alone; nothing else of libcurl's needs it.
  found.gcrypt = dlsym(RTLD_DEFAULT, "gcry_check_version") != NULL;
  return found;
}
