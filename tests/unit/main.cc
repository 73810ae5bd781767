// The main() of every unit test program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // as the server does: a closed peer is a return value
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
