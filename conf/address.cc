#include "conf/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace conf {
namespace {

constexpr std::size_t kLongestAddress = 64;  // INET6_ADDRSTRLEN is 46

// ::ffff:a.b.c.d as the IPv4 address it stands for.
IpAddress unmapped(const IpAddress& address) {
  static constexpr std::array<uint8_t, 12> kPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (address.family != IpAddress::Family::kV6 ||
      !std::equal(kPrefix.begin(), kPrefix.end(), address.bytes.begin())) {
    return address;
  }
  IpAddress v4;
  std::copy(address.bytes.begin() + 12, address.bytes.end(), v4.bytes.begin());
  return v4;
}

// Are the first `bits` bits of both the same?
bool same_prefix(const IpAddress& a, const IpAddress& b, int bits) {
  for (std::size_t i = 0; bits > 0; ++i, bits -= 8) {
    const unsigned mask = bits >= 8 ? 0xffU : (0xffU << (8 - bits)) & 0xffU;
    if ((a.bytes[i] & mask) != (b.bytes[i] & mask)) return false;
  }
  return true;
}

}  // namespace

bool IpAddress::loopback() const {
  if (family == Family::kV4) return bytes[0] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](uint8_t b) { return b == 0; }) && bytes[15] == 1;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (text.empty() || text.size() > kLongestAddress || text.find('\0') != std::string_view::npos)
    return std::nullopt;
  const bool v6 = text.find(':') != std::string_view::npos;
  if (v6) text = text.substr(0, text.find('%'));
  const std::string copy(text);
  IpAddress address;
  address.family = v6 ? IpAddress::Family::kV6 : IpAddress::Family::kV4;
  if (inet_pton(v6 ? AF_INET6 : AF_INET, copy.c_str(), address.bytes.data()) != 1) return std::nullopt;
  return unmapped(address);
}

std::string to_text(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  const int family = address.family == IpAddress::Family::kV4 ? AF_INET : AF_INET6;
  const char* text = inet_ntop(family, address.bytes.data(), buffer.data(), buffer.size());
  return text != nullptr ? std::string(text) : std::string();
}

bool Cidr::contains(const IpAddress& address) const {
  return address.family == base.family && same_prefix(address, base, prefix);
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const auto address = parse_ip(host);
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Cidr{*address, address->bits()};
  const auto digits = text.substr(slash + 1);
  auto prefix = ::base::parse_int(digits);
  if (!prefix || *prefix < 0 || digits.front() == '-') return std::nullopt;
  // A mapped address counts its prefix in 128 bits.
  const bool mapped = address->family == IpAddress::Family::kV4 && host.find(':') != std::string_view::npos;
  if (mapped) *prefix -= 96;
  if (*prefix < 0 || *prefix > address->bits()) return std::nullopt;
  return Cidr{*address, static_cast<int>(*prefix)};
}

std::optional<Cidr> cidr_of_mask(const IpAddress& address, const IpAddress& mask) {
  if (address.family != mask.family) return std::nullopt;
  int prefix = 0;
  bool ended = false;
  for (int bit = 0; bit < mask.bits(); ++bit) {
    const bool set = (mask.bytes[static_cast<std::size_t>(bit / 8)] & (0x80U >> (bit % 8))) != 0;
    if (set && ended) return std::nullopt;
    if (set) ++prefix;
    ended = !set;
  }
  return Cidr{address, prefix};
}

std::string to_text(const Cidr& network) {
  return fmt::format("{}/{}", to_text(network.base), network.prefix);
}

}  // namespace conf
