// Between libcurl and libssh2, which it speaks SFTP by: a definition in the program comes before that of a shared library (ld.so(8)).
// Where it does not, since libcurl was built with another library, nothing is asked for and nothing changes. docs/decisions tells why.
//
// - libcurl sends no fsync, and libssh2 can: the calls by which a remote file is opened and closed pass through here.
// - libcurl calls a connection that breaks during a login a refused one: the calls by which a session begins and ends pass through
//   here, and the socket tells whether the server had hung up by then.
// - Of a folder libcurl gives the lines that `ls -l` would show, whose form is the server's own. The protocol has size, kind and time
//   beside each name: the calls by which a folder and a file's attributes are read pass through here.
// - libcurl has one code for all that a server may answer: its own number is asked for where a call has failed.
#define _GNU_SOURCE
#include "ccurl.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

// Of libssh2.h, which is not needed to build otherwise.
#define ERROR_SFTP_PROTOCOL (-31)
#define ERROR_EAGAIN (-37)
#define FX_PERMISSION_DENIED 3
#define FX_OP_UNSUPPORTED 8
#define METHOD_HOSTKEY 1
#define ATTR_SIZE 1
#define ATTR_PERMISSIONS 4
#define ATTR_TIMES 8
#define STAT 0
struct attributes {
  unsigned long flags;
  unsigned long long size;
  unsigned long uid, gid, permissions, accessed, modified;
};

typedef void *(*open_call)(void *, const char *, unsigned int, unsigned long, long, int);
typedef int (*handle_call)(void *);
typedef unsigned long (*error_call)(void *);

static _Thread_local enum cc_sync state;
// Of the file that was opened last.
static _Thread_local void *channel;

// The sockets of this thread's sessions; a handle keeps two connections at most.
#define SESSIONS 8
static _Thread_local struct { void *session, *sftp; int socket; } sessions[SESSIONS];
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

// What a server said last of a file, and the number of its last refusal.
static _Thread_local struct cc_attributes told;
static _Thread_local unsigned long refusal;
static _Thread_local int listing, listed;
static _Thread_local char *whole;

void cc_files_begin(int lists) {
  listing = lists;
  listed = 0;
  refusal = 0;
  memset(&told, 0, sizeof told);
}
int cc_files_end(void) {
  free(whole);
  whole = (char *)0;
  return listed;
}
struct cc_attributes cc_told_attributes(void) { return told; }
unsigned long cc_refusal(void) { return refusal; }

static unsigned long last_refusal(void *sftp) {
  static error_call last;
  if (!last) last = (error_call)dlsym(RTLD_NEXT, "libssh2_sftp_last_error");
  return last && sftp ? last(sftp) : 0;
}

typedef void *(*init_call)(void *);

// By which session it is asked afterwards why a call failed.
void *libssh2_sftp_init(void *session) {
  static init_call real;
  if (!real) real = (init_call)dlsym(RTLD_NEXT, "libssh2_sftp_init");
  void *sftp = real ? real(session) : (void *)0;
  for (int i = 0; sftp && i < SESSIONS; i++) {
    if (sessions[i].session == session) sessions[i].sftp = sftp;
  }
  return sftp;
}

// 0 where the answer has not come yet, and where the connection broke: then nobody has refused anything, and the number is an older one.
static unsigned long open_refusal(void *sftp) {
  static handle_call error;
  if (!error) error = (handle_call)dlsym(RTLD_NEXT, "libssh2_session_last_errno");
  for (int i = 0; i < SESSIONS; i++) {
    if (sessions[i].sftp == sftp && error && error(sessions[i].session) == ERROR_SFTP_PROTOCOL) return last_refusal(sftp);
  }
  return 0;
}

void *libssh2_sftp_open_ex(void *sftp, const char *name, unsigned int length, unsigned long flags, long mode, int type) {
  static open_call real;
  if (!real) real = (open_call)dlsym(RTLD_NEXT, "libssh2_sftp_open_ex");
  channel = sftp;
  void *handle = real ? real(sftp, name, length, flags, mode, type) : (void *)0;
  refusal = handle ? 0 : open_refusal(sftp);
  return handle;
}

typedef ssize_t (*read_call)(void *, char *, size_t);

ssize_t libssh2_sftp_read(void *handle, char *buffer, size_t length) {
  static read_call real;
  if (!real) real = (read_call)dlsym(RTLD_NEXT, "libssh2_sftp_read");
  ssize_t count = real ? real(handle, buffer, length) : -1;
  if (count == ERROR_SFTP_PROTOCOL) refusal = last_refusal(channel);
  return count;
}

static struct cc_attributes attributes_of(const struct attributes *found) {
  struct cc_attributes told = {.is_known = 1};
  if (found->flags & ATTR_SIZE) told.has_size = 1, told.size = found->size;
  if (found->flags & ATTR_PERMISSIONS) told.has_mode = 1, told.mode = found->permissions;
  if (found->flags & ATTR_TIMES) told.has_time = 1, told.modified = found->modified;
  return told;
}

typedef int (*stat_call)(void *, const char *, unsigned int, int, struct attributes *);

int libssh2_sftp_stat_ex(void *sftp, const char *path, unsigned int length, int type, struct attributes *found) {
  static stat_call real;
  if (!real) real = (stat_call)dlsym(RTLD_NEXT, "libssh2_sftp_stat_ex");
  int code = real ? real(sftp, path, length, type, found) : -1;
  if (code == 0 && type == STAT && found) told = attributes_of(found);
  if (code == ERROR_SFTP_PROTOCOL) refusal = last_refusal(sftp);
  return code;
}

typedef int (*readdir_call)(void *, char *, size_t, char *, size_t, struct attributes *);

// libssh2 takes no packet that is longer, so no name is.
#define LONGEST_NAME (256 * 1024)

// One line for an entry, without its own line feeds: size, mode and time, `-` where the server tells none, and the name, of which
// blanks, control characters and percent signs are written as %XX. A name that does not fit is `/`, which no name is.
static int write_line(char *line, size_t room, const char *name, int length, const struct attributes *found) {
  char size[24] = "-", mode[24] = "-", modified[24] = "-";
  if (found->flags & ATTR_SIZE) snprintf(size, sizeof size, "%llu", found->size);
  if (found->flags & ATTR_PERMISSIONS) snprintf(mode, sizeof mode, "%lu", found->permissions);
  if (found->flags & ATTR_TIMES) snprintf(modified, sizeof modified, "%lu", found->modified);
  int head = snprintf(line, room, "%s %s %s ", size, mode, modified);
  if (head < 0 || (size_t)head + 2 > room) return 0;
  size_t at = (size_t)head;
  for (int i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)name[i];
    int plain = byte > 32 && byte != 127 && byte != '%';
    if (at + (plain ? 1 : 3) >= room) {
      line[head] = '/';
      line[head + 1] = 0;
      return head + 1;
    }
    if (plain) line[at++] = (char)byte;
    else at += (size_t)snprintf(line + at, 4, "%%%02X", byte);
  }
  line[at] = 0;
  return (int)at;
}

int libssh2_sftp_readdir_ex(
    void *handle, char *name, size_t room, char *line, size_t lineRoom, struct attributes *found) {
  static readdir_call real;
  if (!real) real = (readdir_call)dlsym(RTLD_NEXT, "libssh2_sftp_readdir_ex");
  if (!real) return -1;
  if (!listing || !found) return real(handle, name, room, line, lineRoom, found);
  listed = 1;
  if (!whole) whole = malloc(LONGEST_NAME);
  if (!whole) return -1;
  // libssh2 answers 0 at the end, and for a name of no length: that one has attributes.
  memset(found, 0, sizeof *found);
  found->flags = ~0ul;
  int length = real(handle, whole, LONGEST_NAME, (char *)0, 0, found);
  if (length == ERROR_SFTP_PROTOCOL) refusal = last_refusal(channel);
  if (length < 0 || (length == 0 && found->flags == ~0ul)) return length;
  return write_line(name, room, whole, length, found);
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
    unsigned long why = last && channel ? last(channel) : FX_OP_UNSUPPORTED;
    // One that forbids it is as one that cannot: it is no answer about the disk.
    int isUnknown = code == ERROR_SFTP_PROTOCOL && (why == FX_OP_UNSUPPORTED || why == FX_PERMISSION_DENIED);
    state = code == 0 ? cc_sync_done : isUnknown ? cc_sync_unsupported : cc_sync_failed;
  }
  return real ? real(handle) : -1;
}

typedef int (*handshake_call)(void *, int);
typedef int (*disconnect_call)(void *, int, const char *, const char *);

// A server with keys of several types shows the one that we name first; libcurl names them only for what stands in known_hosts.
static _Thread_local char keyTypes[64];

void cc_host_key_types(const char *types) {
  keyTypes[0] = 0;
  if (types && strlen(types) < sizeof keyTypes) strcpy(keyTypes, types);
}

typedef int (*method_call)(void *, int, const char *);

static void prefer_key_types(void *session) {
  method_call prefer = (method_call)dlsym(RTLD_NEXT, "libssh2_session_method_pref");
  if (keyTypes[0] && prefer) prefer(session, METHOD_HOSTKEY, keyTypes);
}

// A login by questions (RFC 4256) may ask more than once: for a password, then for a code of one time. libcurl answers each single
// question with the password; it is for the first one alone.
typedef void (*answer_call)(const char *, int, const char *, int, int, const void *, void *, void **);
typedef int (*questions_call)(void *, const char *, unsigned int, answer_call);
static _Thread_local answer_call answerOfCurl;
static _Thread_local int wasAnswered;

static void answer_once(const char *name, int nameLength, const char *text, int textLength, int count, const void *questions,
                        void *answers, void **abstract) {
  // No questions: nothing is to be answered, and libssh2 sends that.
  if (count == 0 || wasAnswered) return;
  wasAnswered = 1;
  if (answerOfCurl) answerOfCurl(name, nameLength, text, textLength, count, questions, answers, abstract);
}

int libssh2_userauth_keyboard_interactive_ex(void *session, const char *user, unsigned int length, answer_call answer) {
  static questions_call real;
  if (!real) real = (questions_call)dlsym(RTLD_NEXT, "libssh2_userauth_keyboard_interactive_ex");
  answerOfCurl = answer;
  return real ? real(session, user, length, answer_once) : -1;
}

int libssh2_session_handshake(void *session, int socket) {
  static handshake_call real;
  if (!real) real = (handshake_call)dlsym(RTLD_NEXT, "libssh2_session_handshake");
  int free = 0, isNew = 1;
  for (int i = 0; i < SESSIONS; i++) {
    if (sessions[i].session == session) {
      free = i;
      isNew = 0;
      break;
    }
    if (!sessions[i].session) free = i;
  }
  // libcurl calls it again and again until it is through.
  if (isNew) {
    wasAnswered = 0;
    prefer_key_types(session);
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
    sessions[i].session = sessions[i].sftp = (void *)0;
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
