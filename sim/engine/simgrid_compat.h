// The only header that includes SimGrid. Hides what changed between 3.32 and 4.x.
#pragma once

#include <simgrid/version.h>
#include <xbt/log.h>

#include <cstdint>
#include <functional>
#include <simgrid/kernel/resource/Model.hpp>
#include <simgrid/s4u.hpp>
#include <string>
#include <vector>

namespace orrery::sg {

namespace s4u = simgrid::s4u;

// SIMGRID_VERSION is 33200 for 3.32, 40000 for 4.0.
#if SIMGRID_VERSION >= 33400
inline constexpr const char* kPrecisionKey = "precision/timing";
#else
inline constexpr const char* kPrecisionKey = "surf/precision";
#endif

// `callback` runs whenever a comm ends, in whatever way. It may only take notes.
inline void OnCommEnd(const std::function<void(const s4u::Comm&)>& callback) {
#if SIMGRID_VERSION >= 33400
  s4u::Comm::on_completion_cb(callback);
#else
  s4u::Activity::on_completion_cb([callback](const s4u::Activity& activity) {
    if (const auto* comm = dynamic_cast<const s4u::Comm*>(&activity)) callback(*comm);
  });
#endif
}

// The caller's word that travels with a comm.
inline void SetTag(s4u::Comm& comm, uint64_t tag) { comm.set_data(reinterpret_cast<void*>(tag)); }
inline uint64_t TagOf(const s4u::Comm& comm) { return reinterpret_cast<uint64_t>(comm.get_data<void>()); }

// The star that holds the platform (from 4.0 on inside the root zone that always exists).
inline s4u::NetZone* MakeRootStar(s4u::Engine& engine, const std::string& name) {
#if SIMGRID_VERSION >= 40000
  return engine.get_netzone_root()->add_netzone_star(name);
#else
  (void)engine;
  return s4u::create_star_zone(name);
#endif
}

inline s4u::NetZone* MakeStar(s4u::NetZone* parent, const std::string& name) {
#if SIMGRID_VERSION >= 40000
  return parent->add_netzone_star(name);
#else
  s4u::NetZone* zone = s4u::create_star_zone(name);
  zone->set_parent(parent);
  return zone;
#endif
}

inline s4u::Host* MakeHost(s4u::NetZone* zone, const std::string& name, double speed) {
#if SIMGRID_VERSION >= 40000
  return zone->add_host(name, speed);
#else
  return zone->create_host(name, speed);
#endif
}

inline s4u::SplitDuplexLink* MakeSplitDuplexLink(s4u::NetZone* zone, const std::string& name, double bandwidth) {
#if SIMGRID_VERSION >= 40000
  return const_cast<s4u::SplitDuplexLink*>(zone->add_split_duplex_link(name, bandwidth));
#else
  return zone->create_split_duplex_link(name, bandwidth);
#endif
}

// Connects a host to the centre of its star zone: `link` up towards everyone else, down from them.
inline void ConnectHost(s4u::NetZone* star, s4u::Host* host, const s4u::SplitDuplexLink* link) {
  const std::vector<s4u::LinkInRoute> links{{link, s4u::LinkInRoute::Direction::UP}};
#if SIMGRID_VERSION >= 33600
  star->add_route(host, nullptr, links, true);
#else
  star->add_route(host->get_netpoint(), nullptr, nullptr, nullptr, links, true);
#endif
}

inline simgrid::kernel::routing::NetPoint* MakeRouter(s4u::NetZone* zone, const std::string& name) {
#if SIMGRID_VERSION >= 40000
  return zone->add_router(name);
#else
  return zone->create_router(name);
#endif
}

// Connects an inner star to the centre of the outer one through `link`. Call before the inner zone is sealed.
inline void ConnectZone(s4u::NetZone* outer, s4u::NetZone* inner, const s4u::SplitDuplexLink* link) {
  const std::vector<s4u::LinkInRoute> links{{link, s4u::LinkInRoute::Direction::UP}};
#if SIMGRID_VERSION >= 33600
  inner->set_gateway(MakeRouter(inner, inner->get_name() + "-gateway"));
  outer->add_route(inner, nullptr, links, true);
#else
  simgrid::kernel::routing::NetPoint* gateway = MakeRouter(inner, inner->get_name() + "-gateway");
  outer->add_route(inner->get_netpoint(), nullptr, gateway, nullptr, links, true);
#endif
}

}  // namespace orrery::sg
