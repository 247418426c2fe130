#ifndef NAVETTE_CCURL_H
#define NAVETTE_CCURL_H
#include <curl/curl.h>

// Swift does not see variadic functions: typed doors, inline, at no cost.
static inline CURLcode cc_set_long(CURL *_Nonnull h, CURLoption o, long v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode cc_set_off(CURL *_Nonnull h, CURLoption o, curl_off_t v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode cc_set_str(CURL *_Nonnull h, CURLoption o, const char *_Nullable v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode cc_set_ptr(CURL *_Nonnull h, CURLoption o, void *_Nullable v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode cc_set_list(CURL *_Nonnull h, CURLoption o, struct curl_slist *_Nullable v) { return curl_easy_setopt(h, o, v); }
typedef size_t (*cc_io)(char *_Nonnull, size_t, size_t, void *_Nullable);
static inline CURLcode cc_set_io(CURL *_Nonnull h, CURLoption o, cc_io _Nullable f) { return curl_easy_setopt(h, o, f); }
typedef int (*cc_progress)(void *_Nullable, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
static inline CURLcode cc_set_progress(CURL *_Nonnull h, cc_progress _Nullable f) { return curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, f); }
typedef int (*cc_seek)(void *_Nullable, curl_off_t, int);
static inline CURLcode cc_set_seek(CURL *_Nonnull h, cc_seek _Nullable f) { return curl_easy_setopt(h, CURLOPT_SEEKFUNCTION, f); }
static inline CURLcode cc_set_host_key(CURL *_Nonnull h, curl_sshkeycallback _Nullable f) { return curl_easy_setopt(h, CURLOPT_SSH_KEYFUNCTION, f); }
static inline CURLcode cc_get_long(CURL *_Nonnull h, CURLINFO i, long *_Nonnull v) { return curl_easy_getinfo(h, i, v); }
static inline CURLcode cc_get_off(CURL *_Nonnull h, CURLINFO i, curl_off_t *_Nonnull v) { return curl_easy_getinfo(h, i, v); }
static inline CURLcode cc_get_str(CURL *_Nonnull h, CURLINFO i, const char *_Nullable *_Nonnull v) { return curl_easy_getinfo(h, i, v); }
// What libcurl is on this host, and what it stands on; texts belong to it and stay. `ssh` and `tls` may be missing. `gcrypt`: its
// cryptography is loaded.
struct cc_library {
  const char *_Nonnull version;
  const char *_Nullable tls, *_Nullable ssh;
  int sftp, gcrypt;
};
struct cc_library cc_library(void);
// HTTP and HTTPS, or SFTP alone. By names since 7.85, with which the older form is deprecated; before, by bits.
CURLcode cc_set_protocols(CURL *_Nonnull h, int sftp);
// Casting macros are not imported either.
static inline CURLcode cc_global_init(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }
static inline CURLMcode cc_multi_set_long(CURLM *_Nonnull m, CURLMoption o, long v) { return curl_multi_setopt(m, o, v); }
// Whether the file of an SFTP upload is to be made durable by the server before it is closed; see sshdoor.c. All of it belongs to the
// calling thread. `begin` comes first, and says whether it is wanted, `arm` that all bytes are on their way.
enum cc_sync { cc_sync_off, cc_sync_open, cc_sync_armed, cc_sync_done, cc_sync_unsupported, cc_sync_failed };
void cc_sync_begin(int wanted);
void cc_sync_arm(void);
enum cc_sync cc_sync_outcome(void);
// Whether the server had hung up when a session of this thread ended, since the last `begin`.
int cc_session_broke(void);
// Names of types of host keys, with commas between them, that servers are asked for by this thread's new connections; null: any.
void cc_host_key_types(const char *_Nullable types);
// What an SFTP server tells of a file, beyond what libcurl gives; see sshdoor.c. Of the calling thread, since the last `begin`. Nothing is
// told, and refusals are 0, where libcurl stands on another library than libssh2.
struct cc_attributes {
  int is_known, has_size, has_mode, has_time;
  unsigned long long size;
  unsigned long mode, modified;
};
// `lists`: the names of a folder, which libcurl is asked for alone (DIRLISTONLY), are to come with their attributes, as lines.
void cc_files_begin(int lists);
// Whether the names came so.
int cc_files_end(void);
// Of the last file that was looked at.
struct cc_attributes cc_told_attributes(void);
// The server's number for why it refused the last call that failed (SSH_FX_…); 0: none did, or nobody was there to refuse.
unsigned long cc_refusal(void);
// What became of the only transfer of a multi handle: 1 and its code, or 0 where it has not ended.
static inline int cc_multi_result(CURLM *_Nonnull m, CURLcode *_Nonnull code) {
  int left = 0;
  CURLMsg *message = curl_multi_info_read(m, &left);
  if (!message || message->msg != CURLMSG_DONE) return 0;
  *code = message->data.result;
  return 1;
}
#endif
