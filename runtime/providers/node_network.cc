#include "runtime/providers/node_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <utility>
#include <vector>

#include "runtime/transport/spawn.h"

namespace orrery {

namespace {

// Device names have at most 15 characters: "orr", six of the hash, "-", five of the host's number.
std::string BridgeName(const std::string& session_dir) {
  uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : session_dir) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  std::array<char, 16> name{};
  std::snprintf(name.data(), name.size(), "orr%06x", (hash ^ (hash >> 24)) & 0xffffffU);
  return name.data();
}

// Runs commands of the program `ip`, one after the other, in the network namespace of this thread.
Status RunIp(const std::vector<std::string>& commands) {
  std::string script = "PATH=$PATH:/usr/sbin:/sbin";
  for (const std::string& command : commands) script += "\nip " + command;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {StatusCode::kUnavailable, std::strerror(errno)};
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  pid_t pid = 0;
  const int error =
      Spawn({.words = {"/bin/sh", "-ec", script}, .input = null, .output = ends[1], .errors = ends[1]}, &pid);
  close(null);
  close(ends[1]);
  std::string said;
  std::array<char, 512> buffer{};
  for (ssize_t got; error == 0 && (got = read(ends[0], buffer.data(), buffer.size())) > 0;)
    said.append(buffer.data(), static_cast<size_t>(got));
  close(ends[0]);
  if (error != 0) return {StatusCode::kUnavailable, std::string("cannot start /bin/sh: ") + std::strerror(error)};
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Status::Ok();
  while (!said.empty() && said.back() == '\n') said.pop_back();
  return {StatusCode::kUnavailable, "network namespaces need root and the program ip (package iproute2): " + said};
}

// What has an address in the subnet already: "eth0 (10.0.0.5)", or "".
std::string UserOf(const Subnet& subnet, const std::string& except) {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return "";
  std::string user;
  for (const ifaddrs* at = all; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET || at->ifa_name == except) continue;
    const in_addr& ip = reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr;
    char text[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &ip, text, sizeof text);
    if (subnet.Contains(ntohl(ip.s_addr))) user = std::string(at->ifa_name) + " (" + text + ")";
  }
  freeifaddrs(all);
  return user;
}

bool Exists(const std::string& device) { return if_nametoindex(device.c_str()) != 0; }

Status Failed(const char* what) { return {StatusCode::kUnavailable, std::string(what) + ": " + std::strerror(errno)}; }

// Makes the devices from the namespace `from` to `to`, where this thread then stays.
Status Connect(int from, int to, const std::string& bridge, const std::string& link, const std::string& address) {
  const std::string path = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(to);
  if (setns(from, CLONE_NEWNET) != 0) return Failed("cannot go back to the network namespace");
  Status status = RunIp({"link add " + link + " type veth peer name eth0 netns " + path,
                         "link set " + link + " master " + bridge + " up"});
  if (!status.ok()) return status;
  if (setns(to, CLONE_NEWNET) != 0) return Failed("cannot enter the network namespace");
  return RunIp({"address add " + address + " dev eth0", "link set eth0 up", "link set lo up"});
}

}  // namespace

NodeNetwork NodeNetwork::Of(const std::string& session_dir, const Subnet& subnet) {
  return {BridgeName(session_dir), subnet};
}

std::string NamespaceFlag(const NodeNetwork& network, uint64_t instance) {
  const uint64_t host = network.HostOf(instance);
  return network.bridge + "," + network.bridge + "-" + std::to_string(host) + "," + network.subnet.Host(host) + "/" +
         std::to_string(network.subnet.prefix);
}

Status MakeBridge(const NodeNetwork& network) {
  const std::string user = UserOf(network.subnet, network.bridge);
  if (!user.empty()) {
    return {StatusCode::kUnavailable,
            ToString(network.subnet) + " is in use by " + user + "; choose another network with provider.subnet"};
  }
  const std::string address = network.HeadIp() + "/" + std::to_string(network.subnet.prefix);
  if (Exists(network.bridge)) return RunIp({"address replace " + address + " dev " + network.bridge});
  return RunIp({"link add " + network.bridge + " type bridge", "address add " + address + " dev " + network.bridge,
                "link set " + network.bridge + " up", "link set lo up"});
}

void RemoveBridge(const std::string& session_dir) {
  const std::string bridge = BridgeName(session_dir);
  if (Exists(bridge)) (void)RunIp({"link delete " + bridge});
}

Status EnterNamespace(const std::string& flag) {
  std::istringstream parts(flag);
  std::string bridge, link, address;
  if (!std::getline(parts, bridge, ',') || !std::getline(parts, link, ',') || !std::getline(parts, address))
    return {StatusCode::kInvalidArgument, "--namespace: '" + flag + "' is not BRIDGE,LINK,ADDRESS/PREFIX"};
  const int from = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (unshare(CLONE_NEWNET) != 0) {
    close(from);
    return Failed("cannot make a network namespace (this needs root)");
  }
  const int to = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  Status status = Connect(from, to, bridge, link, address);
  close(from);
  close(to);
  return status;
}

}  // namespace orrery
