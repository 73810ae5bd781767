#include "wire/scram_message.h"

#include <gtest/gtest.h>

#include <string>

namespace wire {
namespace {

TEST(ScramMessage, AttributesAreReadInOrder) {
  ScramText text("r=ab,s=,i=4=6");
  EXPECT_EQ(*text.attribute('r'), "ab");
  EXPECT_EQ(text.position(), 5u);
  EXPECT_EQ(*text.attribute('s'), "");
  auto last = text.any_attribute();
  EXPECT_EQ(last->name, 'i');
  EXPECT_EQ(last->value, "4=6");
  EXPECT_TRUE(text.at_end());
}

TEST(ScramMessage, WhatIsNoAttributeIsMalformed) {
  for (std::string_view wrong : {"", "=", "1=x", "r", "r,", ",r=x"}) {
    auto attribute = ScramText(wrong).any_attribute();
    ASSERT_FALSE(attribute.ok()) << wrong;
    EXPECT_EQ(attribute.error().sqlstate, "08P01");
    EXPECT_EQ(attribute.error().message, "malformed SCRAM message");
  }
  EXPECT_EQ(ScramText("s=x").attribute('r').error().detail, "Expected attribute \"r\" but found \"s\".");
  EXPECT_EQ(ScramText("r").attribute('r').error().detail, "Expected character \"=\" for attribute \"r\".");
}

TEST(ScramMessage, ANonceIsPrintableAndBounded) {
  EXPECT_TRUE(is_scram_nonce("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"));
  EXPECT_TRUE(is_scram_nonce(std::string(1024, 'x')));
  EXPECT_FALSE(is_scram_nonce(std::string(1025, 'x')));
  for (std::string_view wrong : {"", "a b", "a,b", "a\x7f", "\xc3\xa9", "a\n"})
    EXPECT_FALSE(is_scram_nonce(wrong));
}

TEST(ScramMessage, BytesAreShownWithoutHarm) {
  EXPECT_EQ(shown_byte('x'), "x");
  EXPECT_EQ(shown_byte('\n'), "0x0a");
  EXPECT_EQ(shown_byte('\xff'), "0xff");
}

}  // namespace
}  // namespace wire
