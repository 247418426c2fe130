#ifndef NAVETTE_CMICROHTTPD_H
#define NAVETTE_CMICROHTTPD_H
// libmicrohttpd as far as one page needs it: its variadic calls behind typed ones.
#include <stddef.h>
#include <stdint.h>

struct cm_answer {
  unsigned int status;
  const char *_Nullable type;  // static; a media type
  void *_Nullable bytes;       // from malloc; given away with the answer
  size_t count;
};

// Called on the server's own thread for each GET or HEAD; `accept` is NULL where the client says nothing.
typedef void (*cm_handler)(
    void *_Nullable user, const char *_Nonnull path, const char *_Nullable accept, struct cm_answer *_Nonnull answer);

// A socket that listens on a numeric address, or at a path: a socket that nobody listens at any more is taken away there.
// -1 and errno where it cannot be had.
int cm_listen_address(const char *_Nonnull host, uint16_t port);
int cm_listen_path(const char *_Nonnull path);

// A server on one thread, which sleeps until somebody asks. It takes the socket over, also where it does not start (NULL).
void *_Nullable cm_start(int socket, cm_handler _Nonnull handler, void *_Nullable user);
// Returns when no handler runs any more and the socket is closed.
void cm_stop(void *_Nonnull server);
#endif
