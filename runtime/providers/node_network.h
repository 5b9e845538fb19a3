// Nodes of one machine that see each other only over a network: each has a network namespace of its own, and a pair of
// virtual Ethernet devices leads from there to a bridge of this machine.
//
// A namespace has no name: it is held by the processes in it alone. When the last has ended, however it has, the kernel
// removes the namespace and both devices, so that nothing is left to be swept. Only the bridge stays until
// RemoveBridge.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/common/status.h"
#include "runtime/common/subnet.h"

namespace orrery {

struct NodeNetwork {
  std::string bridge;  // device on this machine; its address is host 1 of the subnet, where the head listens
  Subnet subnet;

  // The bridge of the cluster whose session folder this is.
  static NodeNetwork Of(const std::string& session_dir, const Subnet& subnet);
  std::string HeadIp() const { return subnet.Host(1); }
  // Host of an instance: numbers begin again when the subnet is used up.
  uint64_t HostOf(uint64_t instance) const { return 2 + (instance - 1) % (subnet.hosts() - 1); }
  std::string IpOf(uint64_t instance) const { return subnet.Host(HostOf(instance)); }
};

// "BRIDGE,LINK,ADDRESS/PREFIX": what one node's daemon is told.
std::string NamespaceFlag(const NodeNetwork& network, uint64_t instance);

// Makes sure that the bridge is there and has its address. kUnavailable says what is missing: the right to make network
// devices (root), the program `ip`, or a subnet that nothing else on this machine uses.
Status MakeBridge(const NodeNetwork& network);
// Removes the bridge of this session folder, if there is one.
void RemoveBridge(const std::string& session_dir);

// Moves this thread, and all that it starts from now on, into a new network namespace with one device, eth0. Call it
// before there are other threads. `flag`: see NamespaceFlag.
Status EnterNamespace(const std::string& flag);

}  // namespace orrery
