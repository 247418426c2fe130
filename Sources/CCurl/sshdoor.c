// Between libcurl and libssh2, which it speaks SFTP by: a definition in the program comes before that of a shared library (ld.so(8)).
// Where it does not, since libcurl was built with another library, nothing is asked for and nothing changes. docs/decisions tells why.
//
// - libcurl sends no fsync, and libssh2 can: the calls by which a remote file is opened and closed pass through here.
// - libcurl calls a connection that breaks during a login a refused one: the calls by which a session begins and ends pass through
//   here, and the socket tells whether the server had hung up by then.
#define _GNU_SOURCE
#include "ccurl.h"
#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>

// Of libssh2.h, which is not needed to build otherwise.
#define ERROR_SFTP_PROTOCOL (-31)
#define ERROR_EAGAIN (-37)
#define FX_OP_UNSUPPORTED 8

typedef void *(*open_call)(void *, const char *, unsigned int, unsigned long, long, int);
typedef int (*handle_call)(void *);
typedef unsigned long (*error_call)(void *);

static _Thread_local enum cc_sync state;
// Of the file that was opened last.
static _Thread_local void *channel;

// The sockets of this thread's sessions; a handle keeps two connections at most.
#define SESSIONS 8
static _Thread_local struct { void *session; int socket; } sessions[SESSIONS];
static _Thread_local int brokenSessions;

int cc_session_broke(void) { return brokenSessions != 0; }
void cc_sync_begin(int wanted) {
  state = wanted ? cc_sync_open : cc_sync_off;
  brokenSessions = 0;
}
void cc_sync_arm(void) {
  if (state == cc_sync_open) state = cc_sync_armed;
}
enum cc_sync cc_sync_outcome(void) { return state; }

void *libssh2_sftp_open_ex(void *sftp, const char *name, unsigned int length, unsigned long flags, long mode, int type) {
  static open_call real;
  if (!real) real = (open_call)dlsym(RTLD_NEXT, "libssh2_sftp_open_ex");
  channel = sftp;
  return real ? real(sftp, name, length, flags, mode, type) : (void *)0;
}

// Called again and again until it answers with something else than EAGAIN.
int libssh2_sftp_close_handle(void *handle) {
  static handle_call real, sync;
  if (!real) real = (handle_call)dlsym(RTLD_NEXT, "libssh2_sftp_close_handle");
  if (!sync) sync = (handle_call)dlsym(RTLD_NEXT, "libssh2_sftp_fsync");
  if (state == cc_sync_armed && sync) {
    int code = sync(handle);
    if (code == ERROR_EAGAIN) return code;
    error_call last = (error_call)dlsym(RTLD_NEXT, "libssh2_sftp_last_error");
    int isUnknown = code == ERROR_SFTP_PROTOCOL && (!last || !channel || last(channel) == FX_OP_UNSUPPORTED);
    state = code == 0 ? cc_sync_done : isUnknown ? cc_sync_unsupported : cc_sync_failed;
  }
  return real ? real(handle) : -1;
}

typedef int (*handshake_call)(void *, int);
typedef int (*disconnect_call)(void *, int, const char *, const char *);

int libssh2_session_handshake(void *session, int socket) {
  static handshake_call real;
  if (!real) real = (handshake_call)dlsym(RTLD_NEXT, "libssh2_session_handshake");
  int free = 0;
  for (int i = 0; i < SESSIONS; i++) {
    if (sessions[i].session == session) { free = i; break; }
    if (!sessions[i].session) free = i;
  }
  sessions[free].session = session;
  sessions[free].socket = socket;
  return real ? real(session, socket) : -1;
}

// Once for each session, before we say goodbye ourselves. What the server has said and nobody has read is no hanging up.
static void part(void *session) {
  for (int i = 0; i < SESSIONS; i++) {
    if (sessions[i].session != session) continue;
    char byte;
    ssize_t count = recv(sessions[i].socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) brokenSessions++;
    sessions[i].session = (void *)0;
  }
}

int libssh2_session_disconnect_ex(void *session, int reason, const char *words, const char *language) {
  static disconnect_call real;
  if (!real) real = (disconnect_call)dlsym(RTLD_NEXT, "libssh2_session_disconnect_ex");
  part(session);
  return real ? real(session, reason, words, language) : -1;
}

int libssh2_session_free(void *session) {
  static handle_call real;
  if (!real) real = (handle_call)dlsym(RTLD_NEXT, "libssh2_session_free");
  part(session);
  return real ? real(session) : -1;
}
