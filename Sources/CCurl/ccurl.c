#include "ccurl.h"

CURLcode cc_set_protocols(CURL *h, int sftp) {
  CURLcode code = curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, sftp ? "sftp" : "http,https");
  if (code != CURLE_UNKNOWN_OPTION) return code;
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  return curl_easy_setopt(h, CURLOPT_PROTOCOLS, (long)(sftp ? CURLPROTO_SFTP : CURLPROTO_HTTP | CURLPROTO_HTTPS));
}
