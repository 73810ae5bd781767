/* The floor under every pooler: joins each client to a server connection of its own over Unix sockets and copies
 * bytes with one recv and one send per direction. No parsing, no pooling. Its CPU time per transaction is what the
 * sockets alone cost on the machine at hand, so figures of other machines can be compared as ratios.
 *
 *   gcc -O2 -o relay relay.c && ./relay LISTEN_SOCKET_PATH SERVER_SOCKET_PATH
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { max_fd = 32768, buffer_size = 65536, max_events = 64 };
static int peer_of[max_fd];

static int open_unix(const char *path, int listening) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) { fprintf(stderr, "path too long: %s\n", path); exit(2); }
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listening) unlink(path);
  if (fd < 0 || (listening ? bind(fd, (void *)&address, sizeof address) || listen(fd, 1024)
                           : connect(fd, (void *)&address, sizeof address))) {
    perror(path);
    exit(1);
  }
  return fd;
}

static void watch(int loop, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  fcntl(fd, F_SETFL, O_NONBLOCK);
  if (fd >= max_fd || epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event)) { perror("epoll_ctl"); exit(1); }
}

static void hang_up(int fd) {
  int peer = peer_of[fd];
  close(fd);
  peer_of[fd] = 0;
  if (peer) { close(peer); peer_of[peer] = 0; }
}

int main(int argc, char **argv) {
  static char buffer[buffer_size];
  struct epoll_event events[max_events];
  if (argc != 3) { fprintf(stderr, "usage: %s LISTEN_SOCKET SERVER_SOCKET\n", argv[0]); return 2; }
  int listener = open_unix(argv[1], 1), loop = epoll_create1(EPOLL_CLOEXEC);
  watch(loop, listener);
  for (;;) {
    int ready = epoll_wait(loop, events, max_events, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        int client = accept(listener, 0, 0);
        if (client < 0) continue;
        int server = open_unix(argv[2], 0);
        watch(loop, client);
        watch(loop, server);
        peer_of[client] = server;
        peer_of[server] = client;
        continue;
      }
      ssize_t got = recv(fd, buffer, sizeof buffer, 0);
      if (got < 0 && (errno == EAGAIN || errno == EBADF)) continue;
      if (got <= 0) { hang_up(fd); continue; }
      for (ssize_t sent = 0; sent < got;) {
        ssize_t n = send(peer_of[fd], buffer + sent, (size_t)(got - sent), MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) continue;
        if (n < 0) { hang_up(fd); break; }
        sent += n;
      }
    }
  }
}
