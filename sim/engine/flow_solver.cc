#include "sim/engine/flow_solver.h"

#include <signal.h>
#include <xbt/log.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "runtime/common/assert.h"
#include "sim/engine/simgrid_compat.h"

namespace orrery {

namespace {

// Never destroyed: SimGrid cannot end with flows in flight, and a second Engine would not work.
sg::s4u::Engine* g_engine = nullptr;

double Seconds(int64_t ns) { return static_cast<double>(ns) / 1e9; }

// SimGrid takes over SIGINT, SIGSEGV and SIGBUS; the program keeps its own handlers.
class SignalGuard {
 public:
  SignalGuard() {
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], nullptr, &saved_[i]);
  }
  ~SignalGuard() {
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &saved_[i], nullptr);
  }

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGSEGV, SIGBUS};
  std::array<struct sigaction, 3> saved_{};
};

void MakeEngine(Duration precision) {
  ORRERY_ASSERT_MSG(g_engine == nullptr, "one flow solver per process: fork for the next run");
  SignalGuard guard;
  xbt_log_control_set("xbt_cfg.thres:warning");
  xbt_log_control_set("res_network.thres:error");  // a latency below the grid's precision is what the grid is for
  g_engine = new sg::s4u::Engine(std::string("orrery"));
  sg::s4u::Engine::set_config(std::string("network/model:CM02"));
  sg::s4u::Engine::set_config(std::string("network/crosstraffic:no"));
  // No window limit either: with it a long fat link would be capped by a 4 MiB TCP window of 2002.
  sg::s4u::Engine::set_config("network/TCP-gamma", 0.0);
  if (precision.ns > 0) sg::s4u::Engine::set_config(sg::kPrecisionKey, precision.seconds());
}

}  // namespace

struct FlowSolver::State {
  struct Host {
    sg::s4u::Host* host;
    sg::s4u::SplitDuplexLink* link;
  };
  struct Flow {
    sg::s4u::CommPtr comm;
    uint64_t token = 0;
    uint64_t number = 0;  // order of Start; SimGrid's own order of reporting may depend on addresses
    uint32_t generation = 0;
    bool live = false;
  };
  struct Ended {
    uint64_t number;
    Completion completion;
  };

  State** current = nullptr;  // what SimGrid's callback knows of us
  std::vector<Host> hosts;
  std::vector<Flow> flows;
  std::vector<uint32_t> free;
  std::vector<Ended> ended;              // filled by SimGrid's callback
  std::vector<sg::s4u::CommPtr> retired; // must outlive the callback
  std::vector<Completion> completions;
  uint64_t started = 0;
  size_t live = 0;
  bool dirty = true;                     // `next` must be asked for again
  double next_date = 0;
  int64_t next = kNever;
  int64_t now = 0;

  void Build(const Options& options, const std::vector<HostSpec>& specs);
  void OnEnd(const sg::s4u::Comm& comm);
  void Retire(uint32_t slot);
  void Sync(int64_t when);
  void Collect();
  Flow* Find(FlowId id) {
    const uint32_t slot = static_cast<uint32_t>(id);
    if (slot >= flows.size()) return nullptr;
    Flow& flow = flows[slot];
    return flow.live && flow.generation == static_cast<uint32_t>(id >> 32) ? &flow : nullptr;
  }
};

void FlowSolver::State::Build(const Options& options, const std::vector<HostSpec>& specs) {
  sg::s4u::NetZone* root = sg::MakeRootStar(*g_engine, "cluster");
  const bool racked = options.rack_bandwidth > 0;
  std::map<uint32_t, sg::s4u::NetZone*> racks;
  std::vector<sg::s4u::NetZone*> zone_of;
  for (const HostSpec& spec : specs) {
    sg::s4u::NetZone*& rack = racks[racked ? spec.rack : 0];
    if (rack == nullptr) rack = racked ? sg::MakeStar(root, "rack-" + std::to_string(spec.rack)) : root;
    zone_of.push_back(rack);
  }
  for (size_t i = 0; i < specs.size(); ++i) {
    const HostSpec& spec = specs[i];
    const std::string name = "host-" + std::to_string(i);
    Host host{sg::MakeHost(zone_of[i], name, 1e9), sg::MakeSplitDuplexLink(zone_of[i], name + "-link", 1e9)};
    const auto set = [](sg::s4u::Link* link, double bandwidth, Duration latency) {
      // SimGrid has no unlimited link; 1 EB/s is one for any size that fits an int64.
      link->set_bandwidth(bandwidth > 0 ? bandwidth : 1e18);
      link->set_latency(latency.seconds());
    };
    set(host.link->get_link_up(), spec.bandwidth_out, spec.latency_out);
    set(host.link->get_link_down(), spec.bandwidth_in, spec.latency_in);
    sg::ConnectHost(zone_of[i], host.host, host.link);
    hosts.push_back(host);
  }
  if (racked) {
    for (auto& [number, zone] : racks) {
      sg::s4u::SplitDuplexLink* uplink =
          sg::MakeSplitDuplexLink(root, "rack-" + std::to_string(number) + "-uplink", options.rack_bandwidth);
      // Half of the way between racks lies on either side.
      uplink->get_link_up()->set_latency(options.rack_latency.seconds() / 2);
      uplink->get_link_down()->set_latency(options.rack_latency.seconds() / 2);
      sg::ConnectZone(root, zone, uplink);
    }
    for (auto& [number, zone] : racks) zone->seal();
  }
  root->seal();
}

// Runs inside SimGrid: takes notes, starts and frees nothing.
void FlowSolver::State::OnEnd(const sg::s4u::Comm& comm) {
  const uint64_t tag = sg::TagOf(comm);
  Flow* flow = Find(tag);
  if (flow == nullptr) return;  // cancelled, or reported before
  const bool failed = comm.get_state() != sg::s4u::Activity::State::FINISHED;
  ended.push_back({flow->number, {flow->token, failed}});
  Retire(static_cast<uint32_t>(tag));
}

void FlowSolver::State::Retire(uint32_t slot) {
  Flow& flow = flows[slot];
  retired.push_back(std::move(flow.comm));
  flow.comm = nullptr;
  flow.live = false;
  ++flow.generation;
  free.push_back(slot);
  --live;
}

// Brings SimGrid's clock to `when`. run_until may stop at an event up to 10 µs early, hence the loop.
void FlowSolver::State::Sync(int64_t when) {
  ORRERY_ASSERT(when >= now);
  now = when;
  const double date = Seconds(when);
  while (sg::s4u::Engine::get_clock() < date) g_engine->run_until(date);
  Collect();
}

void FlowSolver::State::Collect() {
  dirty = true;
  retired.clear();
  std::sort(ended.begin(), ended.end(), [](const Ended& a, const Ended& b) { return a.number < b.number; });
  for (const Ended& one : ended) completions.push_back(one.completion);
  ended.clear();
}

FlowSolver::FlowSolver(const Options& options, const std::vector<HostSpec>& hosts) : state_(std::make_unique<State>()) {
  MakeEngine(options.precision);
  state_->Build(options, hosts);
  g_engine->seal_platform();
  // SimGrid cannot forget a callback, so the callback goes through a pointer that is cleared at the end.
  auto* current = new State*(state_.get());
  state_->current = current;
  sg::OnCommEnd([current](const sg::s4u::Comm& comm) {
    if (*current != nullptr) (*current)->OnEnd(comm);
  });
}

FlowSolver::~FlowSolver() {
  // SimGrid complains about flows in flight at the end of the process.
  *state_->current = nullptr;
  for (State::Flow& flow : state_->flows) {
    if (flow.live) flow.comm->cancel();
  }
  g_engine->run_until(sg::s4u::Engine::get_clock());
}

bool FlowSolver::Used() { return g_engine != nullptr; }

FlowSolver::FlowId FlowSolver::Start(HostId from, HostId to, int64_t bytes, uint64_t token, int64_t now) {
  State& s = *state_;
  ORRERY_ASSERT(bytes > 0 && from != to);
  s.Sync(now);
  State::Host& source = s.hosts[from.value];
  State::Host& target = s.hosts[to.value];
  ORRERY_ASSERT(source.host->is_on() && target.host->is_on());
  if (s.free.empty()) {
    s.free.push_back(static_cast<uint32_t>(s.flows.size()));
    s.flows.emplace_back();
  }
  const uint32_t slot = s.free.back();
  s.free.pop_back();
  State::Flow& flow = s.flows[slot];
  const FlowId id = (uint64_t{flow.generation} << 32) | slot;
  flow.token = token;
  flow.number = ++s.started;
  flow.live = true;
  ++s.live;
  flow.comm = sg::s4u::Comm::sendto_init();
  sg::SetTag(*flow.comm, id);
  flow.comm->set_payload_size(static_cast<uint64_t>(bytes));
  flow.comm->set_source(source.host);
  flow.comm->set_destination(target.host);  // starts it
  s.dirty = true;
  return id;
}

void FlowSolver::Cancel(FlowId id, int64_t now) {
  State& s = *state_;
  State::Flow* flow = s.Find(id);
  if (flow == nullptr) return;
  s.Sync(now);
  flow = s.Find(id);
  if (flow == nullptr) return;  // ended just now
  sg::s4u::CommPtr comm = flow->comm;
  s.Retire(static_cast<uint32_t>(id));  // first: SimGrid's reports of the cancellation find nobody
  comm->cancel();
  g_engine->run_until(sg::s4u::Engine::get_clock());
  s.Collect();
}

void FlowSolver::FailHost(HostId host, int64_t now) {
  state_->Sync(now);
  if (!state_->hosts[host.value].host->is_on()) return;
  state_->hosts[host.value].host->turn_off();
  // A step of length zero: the failures are reported now and not at SimGrid's next event.
  g_engine->run_until(sg::s4u::Engine::get_clock());
  state_->Collect();
}

void FlowSolver::ReviveHost(HostId host, int64_t now) {
  state_->Sync(now);
  state_->hosts[host.value].host->turn_on();
  state_->dirty = true;
}

void FlowSolver::SetBandwidth(HostId host, double out, double in, int64_t now) {
  state_->Sync(now);
  const State::Host& h = state_->hosts[host.value];
  h.link->get_link_up()->set_bandwidth(out > 0 ? out : 1e18);
  h.link->get_link_down()->set_bandwidth(in > 0 ? in : 1e18);
  state_->dirty = true;
}

int64_t FlowSolver::NextTime() {
  State& s = *state_;
  if (!s.dirty) return s.next;
  s.dirty = false;
  s.next = kNever;
  if (s.live == 0) return kNever;
  const double clock = sg::s4u::Engine::get_clock();
  double delta = -1;
  for (auto* model : g_engine->get_all_models()) {
    const double mine = model->next_occurring_event(clock);
    if (mine >= 0 && (delta < 0 || mine < delta)) delta = mine;
  }
  if (delta < 0) return kNever;
  s.next_date = clock + delta;
  s.next = std::max<int64_t>(s.now, std::llround(s.next_date * 1e9));
  return s.next;
}

void FlowSolver::AdvanceTo(int64_t now) {
  State& s = *state_;
  ORRERY_ASSERT(now <= NextTime());
  if (now < s.next) return s.Sync(now);
  // The exact date, not its rounding to nanoseconds.
  s.now = now;
  g_engine->run_until(s.next_date);
  s.Collect();
}

std::vector<FlowSolver::Completion>& FlowSolver::completions() { return state_->completions; }
size_t FlowSolver::live() const { return state_->live; }
size_t FlowSolver::hosts() const { return state_->hosts.size(); }

}  // namespace orrery
