// An IPv4 network whose hosts have numbers.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/common/status.h"

namespace orrery {

struct Subnet {
  uint32_t base = (198U << 24) | (18U << 16);  // host byte order; what is not part of the prefix is 0
  int prefix = 16;                             // bits
  // How many hosts there can be: the network's own address and that of all hosts are none.
  uint64_t hosts() const { return (uint64_t{1} << (32 - prefix)) - 2; }
  // The address of host 1, 2, … hosts(), dotted.
  std::string Host(uint64_t number) const;
  bool Contains(uint32_t ip) const { return (ip >> (32 - prefix)) == (base >> (32 - prefix)); }
  bool operator==(const Subnet&) const = default;
};

// "198.18.0.0/16"; prefixes from 8 to 29.
std::string ToString(const Subnet& subnet);
// kInvalidArgument says what is wrong.
Result<Subnet> ParseSubnet(const std::string& text);

}  // namespace orrery
