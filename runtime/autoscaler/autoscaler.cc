#include "runtime/autoscaler/autoscaler.h"

#include <algorithm>
#include <map>
#include <utility>

#include "runtime/autoscaler/demand_scheduler.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

// What a new node for the request has to match: its first selector that nodes of some type do.
const LabelSelector& LabelsFor(const SchedulingRequest& request, const std::vector<NodeType>& types) {
  const auto possible = [&](const LabelSelector& selector) {
    return std::any_of(types.begin(), types.end(), [&](const NodeType& type) {
      return Matches(selector, type.labels) && request.resources.FitsIn(type.resources);
    });
  };
  const SchedulingStrategy& strategy = request.strategy;
  if (strategy.fallbacks.empty() || possible(strategy.hard_labels)) return strategy.hard_labels;
  const auto found = std::find_if(strategy.fallbacks.begin(), strategy.fallbacks.end(), possible);
  return found == strategy.fallbacks.end() ? strategy.hard_labels : *found;
}

std::vector<DemandGroup> GroupsOf(const google::protobuf::RepeatedPtrField<msg::DemandStatus>& demands,
                                  const std::vector<NodeType>& types) {
  std::vector<DemandGroup> groups;
  for (const msg::DemandStatus& demand : demands) {
    const SchedulingRequest request = FromProto(demand.spec());
    // A hard affinity names a node that is there already: no new one would serve it.
    const bool pinned = request.strategy.kind == SchedulingStrategy::Kind::kNodeAffinity && !request.strategy.soft;
    if (!pinned) groups.push_back({request.resources, LabelsFor(request, types), demand.count()});
  }
  return groups;
}

uint64_t InstanceOf(const Labels& labels) {
  const auto label = labels.find(kInstanceLabel);
  return label == labels.end() ? 0 : std::strtoull(label->second.c_str(), nullptr, 10);
}

}  // namespace

AutoscalerConfig ConfigFrom(const Settings& settings, std::vector<NodeType> types) {
  AutoscalerConfig config;
  config.types = std::move(types);
  config.upscaling_speed = settings.upscaling_speed;
  config.idle_timeout = settings.idle_timeout;
  const bool cost = settings.autoscaler_objective == "cost";
  config.objective = cost ? AutoscalerConfig::Objective::kCost : AutoscalerConfig::Objective::kUtilization;
  return config;
}

Autoscaler::Autoscaler(Env& env, Settings settings, AutoscalerOptions options)
    : env_(env),
      settings_(std::move(settings)),
      options_(std::move(options)),
      requests_(env, TimerKind::kAutoscalerRetry, settings_.request_retry_interval),
      log_(env),
      instances_(env, settings_, requests_, options_.gcs, *this) {}

void Autoscaler::Start() {
  Draft<msg::KvPut> address;
  address->set_request(0);
  address->set_space("autoscaler");
  address->set_key(kAddressKey);
  address->set_overwrite(true);
  address->set_value(std::to_string(options_.self.endpoint));
  env_.Send(options_.gcs, std::move(address));
  instances_.table().Load();
}

void Autoscaler::OnMessage(const Address& from, Message message) {
  switch (message.kind()) {
    case MessageKind::kKvReply: {
      const bool was_loaded = instances_.table().loaded();
      instances_.OnKvReply(message.As<msg::KvReply>());
      if (!was_loaded && instances_.table().loaded()) BeginRound();
      return;
    }
    case MessageKind::kAutoscalerState: {
      const uint64_t round = message.As<msg::AutoscalerState>().round();
      if (!requests_.Done({MessageKind::kGetAutoscalerState, round, 0})) return;
      state_ = std::move(message);
      return EndRound();
    }
    case MessageKind::kInstanceList: {
      const auto& list = message.As<msg::InstanceList>();
      const RequestKey key{MessageKind::kListInstances, list.request(), 0};
      if (list.status() != 0) {  // it is asked again
        if (requests_.Pending(key)) log_.Add("failed", "", 0, "the provider does not list: " + list.message());
        return;
      }
      if (!requests_.Done(key)) return;
      list_ = std::move(message);
      return EndRound();
    }
    case MessageKind::kInstancesLaunched: return instances_.OnLaunched(message.As<msg::InstancesLaunched>());
    case MessageKind::kInstancesTerminated: return instances_.OnTerminated(message.As<msg::InstancesTerminated>());
    case MessageKind::kInstanceEvent: return instances_.OnInstanceEvent(message.As<msg::InstanceEvent>());
    case MessageKind::kDrainNodeReply: return instances_.OnDrained(message.As<msg::DrainNodeReply>());
    case MessageKind::kGetAutoscalerReport: {
      const auto& request = message.As<msg::GetAutoscalerReport>();
      Draft<msg::AutoscalerReport> report;
      report->set_request(request.request());
      log_.Fill(request.rounds(), *report);
      return env_.Send(from, std::move(report));
    }
    case MessageKind::kShutdown: {
      Draft<msg::Exit> exit;
      exit->set_reason(message.As<msg::Shutdown>().reason());
      return env_.Send(Address::Host(), std::move(exit));
    }
    default: env_.Trace({.kind = TraceKind::kStaleMessage, .text = message.name()});
  }
}

void Autoscaler::OnTimer(TimerKind kind, uint64_t) {
  if (kind == TimerKind::kAutoscalerRetry) {
    if (std::exchange(gcs_lost_, false)) requests_.ResendTo(options_.gcs);
    return requests_.OnTimer();
  }
  ORRERY_ASSERT(kind == TimerKind::kAutoscalerRound);
  BeginRound();
}

void Autoscaler::OnPeerLost(const Address& peer) {
  if (peer.endpoint != options_.gcs.endpoint) return;
  gcs_lost_ = true;
  env_.SetTimer(settings_.request_retry_interval, TimerKind::kAutoscalerRetry, 0);
}

void Autoscaler::BeginRound() {
  ++round_;
  began_ = env_.Now();
  state_ = {};
  list_ = {};
  Draft<msg::ListInstances> list;
  list->set_request(round_);
  requests_.Send({MessageKind::kListInstances, round_, 0}, Address::Provider(), std::move(list));
  Draft<msg::GetAutoscalerState> state;
  state->set_round(round_);
  requests_.Send({MessageKind::kGetAutoscalerState, round_, 0}, options_.gcs, std::move(state));
}

void Autoscaler::EndRound() {
  if (!state_ || !list_) return;
  const auto& state = state_.As<msg::AutoscalerState>();
  instances_.Reconcile(list_.As<msg::InstanceList>(), state);
  const ScalingInput input = MakeInput(state);
  uint64_t pending = 0;
  for (const DemandGroup& demand : input.demands) pending += demand.count;
  uint32_t launching = 0;
  for (const auto& [id, instance] : instances_.table().all()) launching += instance.state < Instance::State::kRunning;
  log_.Begin(round_, pending, static_cast<uint32_t>(instances_.table().all().size()), launching);
  const uint64_t quota = list_.As<msg::InstanceList>().max_instances();
  AutoscalerConfig config = options_.config;
  if (quota > 0) config.max_workers = std::min(config.max_workers, static_cast<int64_t>(quota));
  Act(DecideScaling(config, input));
  log_.End();
  env_.SetTimer(std::max(Duration{}, began_ + settings_.autoscaler_interval - env_.Now()), TimerKind::kAutoscalerRound,
                0);
}

uint32_t Autoscaler::TypeOf(const std::string& name) const {
  const auto& types = options_.config.types;
  const auto found = std::find_if(types.begin(), types.end(), [&](const NodeType& type) { return type.name == name; });
  return found == types.end() ? ScaledNode::kNoType : static_cast<uint32_t>(found - types.begin());
}

ScalingInput Autoscaler::MakeInput(const msg::AutoscalerState& state) const {
  ScalingInput input;
  const std::vector<NodeType>& types = options_.config.types;
  input.demands = GroupsOf(state.demands(), types);
  input.floor = GroupsOf(state.floor(), types);
  for (const msg::GangDemand& gang : state.gangs())
    input.gangs.push_back({static_cast<BundleStrategy>(gang.strategy()), GroupsOf(gang.bundles(), types)});
  for (const NodeType& type : types) input.backed_off.push_back(instances_.BackedOff(type.name));
  AddInstances(state, input);
  return input;
}

void Autoscaler::AddInstances(const msg::AutoscalerState& state, ScalingInput& input) const {
  const auto& instances = instances_.table().all();
  std::map<uint64_t, size_t> joined;
  for (const msg::NodeLoad& load : state.nodes()) {
    ScaledNode node;
    node.labels = FromProto(load.labels());
    node.total = FromProto(load.total());
    node.available = FromProto(load.available());
    node.draining = load.draining();
    node.head = load.head();
    node.busy = load.busy();
    node.idle = Duration{load.idle_ns()};
    const auto instance = instances.find(InstanceOf(node.labels));
    if (instance != instances.end()) {
      node.instance = instance->first;
      node.type = TypeOf(instance->second.type);
      node.draining |= instance->second.state > Instance::State::kRunning || instance->second.preempted;
      joined[node.instance] = input.nodes.size();
    }
    input.nodes.push_back(std::move(node));
  }
  for (const auto& [id, instance] : instances) {
    if (joined.count(id) != 0) continue;
    ScaledNode node;
    node.instance = id;
    node.type = TypeOf(instance.type);
    node.running = false;
    node.draining = instance.state >= Instance::State::kRunning || instance.preempted;
    if (node.type != ScaledNode::kNoType) {
      node.total = node.available = options_.config.types[node.type].resources;
      node.labels = options_.config.types[node.type].labels;
    }
    node.labels[kNodeTypeLabel] = instance.type;
    input.nodes.push_back(std::move(node));
  }
}

void Autoscaler::Act(const ScalingDecision& decision) {
  for (const ScalingDecision::End& end : decision.ends) {
    const Instance* instance =
        instances_.table().all().count(end.instance) != 0 ? &instances_.table().all().at(end.instance) : nullptr;
    if (instance == nullptr) continue;
    if (instance->state == Instance::State::kRunning) log_.Add("drain", instance->type, 1, end.reason);
    instances_.End(end.instance, end.only_if_idle, end.reason);
  }
  for (const ScalingDecision::Launch& launch : decision.launches) {
    const std::string& type = options_.config.types[launch.type].name;
    log_.Add("launch", type, static_cast<uint64_t>(launch.count), launch.reason);
    instances_.Launch(type, launch.count);
  }
  for (const ScalingDecision::Note& note : decision.notes) log_.Add(note.what, note.type, note.count, note.reason);
  instances_.table().Flush();
}

void Autoscaler::OnInstanceNews(const std::string& what, const std::string& type, uint64_t count,
                                const std::string& reason) {
  log_.Add(what, type, count, reason);
}

void Autoscaler::CheckInvariants(bool) const { instances_.CheckInvariants(); }

}  // namespace orrery
