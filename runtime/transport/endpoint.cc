#include "runtime/transport/endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/random.h>

#include <charconv>
#include <cstdio>

#include "runtime/common/assert.h"

namespace orrery {

std::string ToString(const Address& address) {
  const uint32_t ip = IpOf(address);
  char text[64];
  int n = std::snprintf(text, sizeof text, "%u.%u.%u.%u:%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255,
                        PortOf(address));
  if (address.incarnation != 0) {
    std::snprintf(text + n, sizeof text - static_cast<size_t>(n), "/%016llx",
                  static_cast<unsigned long long>(address.incarnation));
  }
  return text;
}

std::string SocketPath(const std::string& folder, const Address& address, const char* suffix) {
  std::string name = ToString(Address{address.endpoint, 0});
  const size_t colon = name.find(':');
  if (IpOf(address) >> 24 == 127)
    name.erase(0, colon + 1);
  else
    name[colon] = '_';
  return folder + "/" + name + suffix;
}

Result<uint32_t> ParseIp(std::string_view text) {
  const std::string host(text);
  in_addr dotted{};
  if (inet_pton(AF_INET, host.c_str(), &dotted) == 1) return uint32_t{ntohl(dotted.s_addr)};
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = host.empty() ? EAI_NONAME : getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return Status(StatusCode::kInvalidArgument,
                  "'" + host + "' is not an IPv4 address or known host name: " + gai_strerror(error));
  }
  const uint32_t ip = ntohl(reinterpret_cast<const sockaddr_in*>(found->ai_addr)->sin_addr.s_addr);
  freeaddrinfo(found);
  return ip;
}

Result<Address> ParseAddress(std::string_view text) {
  const auto bad = [&](const char* why) {
    return Status(StatusCode::kInvalidArgument, "'" + std::string(text) + "' is not an address: " + why);
  };
  std::string_view rest = text;
  uint64_t incarnation = 0;
  if (const size_t slash = rest.find('/'); slash != std::string_view::npos) {
    const std::string_view hex = rest.substr(slash + 1);
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), incarnation, 16);
    if (error != std::errc() || end != hex.data() + hex.size())
      return bad("the incarnation behind '/' must be hexadecimal");
    rest = rest.substr(0, slash);
  }
  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return bad("expected HOST:PORT");
  const std::string_view port_text = rest.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size() || port == 0) {
    return bad("the port must be a number from 1 to 65535");
  }
  Result<uint32_t> ip = ParseIp(rest.substr(0, colon));
  if (!ip.ok()) return ip.status();
  return MakeAddress(*ip, port, incarnation);
}

uint64_t EntropyU64() {
  uint64_t value = 0;
  while (value == 0) {
    const ssize_t n = getrandom(&value, sizeof value, 0);
    ORRERY_ASSERT(n == sizeof value || n < 0);
    if (n < 0) value = 0;
  }
  return value;
}

}  // namespace orrery
