// Loaded before libcurl: makes of it one of RHEL 8 (7.61), as far as the program asks. Options that came later are unknown; the SSH
// library is what NAVETTE_SHIM_SSH says, without which there is none, and no SFTP either.
#define _GNU_SOURCE
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#undef curl_easy_setopt
CURLcode curl_easy_setopt(CURL *handle, CURLoption option, ...) {
  static CURLcode (*next)(CURL *, CURLoption, ...);
  if (!next) next = (CURLcode(*)(CURL *, CURLoption, ...))dlsym(RTLD_NEXT, "curl_easy_setopt");
  // The thousands tell the kind of the value; 280 is the first option of 7.62.
  if (option % 10000 >= 280) return CURLE_UNKNOWN_OPTION;
  va_list rest;
  va_start(rest, option);
  // Each kind of value is one register.
  void *value = va_arg(rest, void *);
  va_end(rest);
  return next(handle, option, value);
}

curl_version_info_data *curl_version_info(CURLversion wanted) {
  static curl_version_info_data found;
  static const char *protocols[64];
  curl_version_info_data *(*next)(CURLversion) = (curl_version_info_data * (*)(CURLversion)) dlsym(RTLD_NEXT, "curl_version_info");
  found = *next(wanted);
  found.age = CURLVERSION_FOURTH;
  found.version = "7.61.1";
  found.libssh_version = getenv("NAVETTE_SHIM_SSH");
  int count = 0;
  for (const char *const *name = found.protocols; *name && count < 63; name++) {
    if (found.libssh_version || strcmp(*name, "sftp") != 0) protocols[count++] = *name;
  }
  found.protocols = protocols;
  return &found;
}
