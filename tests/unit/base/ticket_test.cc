#include "base/ticket.h"

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(Ticket, withdraws_when_it_dies) {
  int withdrawn = 0;
  { const Ticket ticket([&] { ++withdrawn; }); }
  EXPECT_EQ(withdrawn, 1);
}

TEST(Ticket, withdraws_once_however_often_it_is_dropped_or_moved) {
  int withdrawn = 0;
  {
    Ticket ticket([&] { ++withdrawn; });
    Ticket other = std::move(ticket);
    EXPECT_EQ(withdrawn, 0);
    EXPECT_TRUE(static_cast<bool>(other));
    other.drop();
    other.drop();
    EXPECT_FALSE(static_cast<bool>(other));
  }
  EXPECT_EQ(withdrawn, 1);
}

TEST(Ticket, a_new_promise_withdraws_the_old_one) {
  int first = 0;
  int second = 0;
  Ticket ticket([&] { ++first; });
  ticket = Ticket([&] { ++second; });
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0);
}

}  // namespace
}  // namespace base
