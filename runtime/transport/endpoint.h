// The live meaning of an Address: an IPv4 endpoint and the incarnation of the process behind it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/common/status.h"
#include "runtime/env/address.h"

namespace orrery {

// `ip` in host byte order.
constexpr Address MakeAddress(uint32_t ip, uint16_t port, uint64_t incarnation = 0) {
  return {(uint64_t{ip} << 16) | port, incarnation};
}
constexpr uint32_t IpOf(const Address& address) { return static_cast<uint32_t>(address.endpoint >> 16); }
constexpr uint16_t PortOf(const Address& address) { return static_cast<uint16_t>(address.endpoint); }

// "127.0.0.1:6379" with incarnation 0, else "127.0.0.1:6379/9f86d081884c7d65".
std::string ToString(const Address& address);

// The file in `folder` that stands for an address: "40123.sock" for loopback, "198.18.0.2_40123.sock" for others, since
// processes in several network namespaces may listen on one port. The suffix has its dot.
std::string SocketPath(const std::string& folder, const Address& address, const char* suffix);

// Reads the forms of ToString; the host may be a name ("localhost"). kInvalidArgument says what is wrong.
Result<Address> ParseAddress(std::string_view text);

// Dotted IPv4 or a host name, looked up with the system's resolver (blocking: for start-up only).
Result<uint32_t> ParseIp(std::string_view text);

// A 64-bit number from the operating system's entropy, never 0.
uint64_t EntropyU64();

}  // namespace orrery
