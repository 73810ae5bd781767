#include "admin/process_numbers.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/clock.h"
#include "base/fd.h"

namespace admin {
namespace {

TEST(ProcessNumbers, AreThoseOfThisProcess) {
  const ProcessNumbers before = process_numbers();
  const double now = std::chrono::duration<double>(base::wall_now().time_since_epoch()).count();
  EXPECT_LE(before.start_time, now + 0.1);
  EXPECT_GT(before.start_time, now - 600) << "tests do not run for long";
  EXPECT_GT(before.resident_bytes, 1U << 20);
  EXPECT_GT(before.virtual_bytes, before.resident_bytes);
  EXPECT_GE(before.max_descriptors, before.open_descriptors);

  std::vector<base::Fd> more;
  for (int i = 0; i < 5; ++i) more.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto end = base::now() + std::chrono::milliseconds(30);
  while (base::now() < end) {
  }
  const ProcessNumbers after = process_numbers();
  EXPECT_EQ(after.open_descriptors, before.open_descriptors + 5);
  EXPECT_GT(after.cpu_seconds, before.cpu_seconds);
  EXPECT_EQ(after.start_time, before.start_time);
}

}  // namespace
}  // namespace admin
