#pragma once
// IP addresses and networks as values: what listen lists, HBA rules and PROXY protocol sources are made of.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace conf {

// An IPv4 or IPv6 address. An IPv4 address mapped into IPv6 (::ffff:a.b.c.d) is kept as IPv4, so that one
// rule matches it however the socket was opened.
struct IpAddress {
  enum class Family : uint8_t { kV4, kV6 };
  Family family = Family::kV4;
  std::array<uint8_t, 16> bytes{};  // the first 4 for IPv4

  int bits() const { return family == Family::kV4 ? 32 : 128; }
  bool loopback() const;
  bool operator==(const IpAddress&) const = default;
};

// No names, no ports; a zone ("fe80::1%eth0") is dropped.
std::optional<IpAddress> parse_ip(std::string_view text);
std::string to_text(const IpAddress& address);

// A network: the first `prefix` bits of `base` count.
struct Cidr {
  IpAddress base;
  int prefix = 32;

  bool contains(const IpAddress& address) const;
  bool operator==(const Cidr&) const = default;
};

// "10.0.0.0/8", "::1/128", or a bare address for that address alone.
std::optional<Cidr> parse_cidr(std::string_view text);
// The network of an address and a mask such as 255.255.0.0; nothing if the mask has holes or another family.
std::optional<Cidr> cidr_of_mask(const IpAddress& address, const IpAddress& mask);
std::string to_text(const Cidr& network);

}  // namespace conf
