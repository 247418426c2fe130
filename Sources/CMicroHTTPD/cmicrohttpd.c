#include "cmicrohttpd.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// Whoever scrapes needs one connection; a page is asked for and read at once.
enum { CONNECTIONS = 16, SECONDS = 10, REQUEST_BYTES = 16384, WAITING = 16 };

struct server {
  struct MHD_Daemon *daemon;
  cm_handler handler;
  void *user;
};

static enum MHD_Result say(struct MHD_Connection *connection, struct cm_answer answer, const char *allow) {
  struct MHD_Response *response = MHD_create_response_from_buffer(answer.count, answer.bytes, MHD_RESPMEM_MUST_FREE);
  if (!response) {
    free(answer.bytes);
    return MHD_NO;
  }
  if (answer.type) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.type);
  if (allow) MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
  enum MHD_Result result = MHD_queue_response(connection, answer.status, response);
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result asked(
    void *user, struct MHD_Connection *connection, const char *path, const char *method, const char *version,
    const char *body, size_t *left, void **state) {
  struct server *server = user;
  (void)version;
  (void)body;
  struct cm_answer answer = {405, NULL, NULL, 0};
  if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
    return say(connection, answer, "GET, HEAD");
  }
  // Called once when the head of the request is there, and again when all of it is.
  if (!*state) {
    *state = server;
    return MHD_YES;
  }
  if (*left) {
    *left = 0;
    return MHD_YES;
  }
  const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
  server->handler(server->user, path, accept, &answer);
  return say(connection, answer, NULL);
}

int cm_listen_address(const char *host, uint16_t port) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *found = NULL;
  char service[8];
  snprintf(service, sizeof service, "%u", port);
  if (getaddrinfo(host, service, &hints, &found) != 0) {
    errno = EADDRNOTAVAIL;
    return -1;
  }
  int one = 1, number = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (number >= 0) setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  int failed = number < 0 || bind(number, found->ai_addr, found->ai_addrlen) != 0 || listen(number, WAITING) != 0;
  int why = errno;
  freeaddrinfo(found);
  if (!failed) return number;
  if (number >= 0) close(number);
  errno = why;
  return -1;
}

// Whether the path is a socket that nobody listens at.
static int is_left_over(const char *path, const struct sockaddr_un *name) {
  struct stat info;
  if (lstat(path, &info) != 0 || !S_ISSOCK(info.st_mode)) return 0;
  int number = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (number < 0) return 0;
  int refused = connect(number, (const struct sockaddr *)name, sizeof *name) != 0 && errno == ECONNREFUSED;
  close(number);
  return refused;
}

int cm_listen_path(const char *path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof name.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(name.sun_path, path);
  if (is_left_over(path, &name)) unlink(path);
  int number = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (number < 0) return -1;
  // For the group too: a collector is another user.
  if (bind(number, (const struct sockaddr *)&name, sizeof name) == 0) {
    if (chmod(path, 0660) == 0 && listen(number, WAITING) == 0) return number;
    int why = errno;
    unlink(path);
    errno = why;
  }
  int why = errno;
  close(number);
  errno = why;
  return -1;
}

void *cm_start(int socket, cm_handler handler, void *user) {
  struct server *server = calloc(1, sizeof *server);
  if (!server) {
    close(socket);
    return NULL;
  }
  server->handler = handler;
  server->user = user;
  server->daemon = MHD_start_daemon(
      MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC, 0, NULL, NULL, asked, server,
      MHD_OPTION_LISTEN_SOCKET, (MHD_socket)socket, MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS,
      MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES,
      MHD_OPTION_END);
  if (server->daemon) return server;
  close(socket);
  free(server);
  return NULL;
}

void cm_stop(void *started) {
  struct server *server = started;
  MHD_stop_daemon(server->daemon);
  free(server);
}
