#include "tests/support/describe.h"

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery::test {

namespace {

std::string Code(uint32_t status) { return StatusCodeName(static_cast<StatusCode>(status)); }
std::string Quoted(const std::string& text) { return text.empty() ? "" : " \"" + text + "\""; }
template <class Number>
std::string IfSet(const char* name, Number value) {
  return value == 0 ? "" : " " + std::string(name) + "=" + std::to_string(value);
}
std::string Flag(const char* name, bool value) { return value ? " " + std::string(name) : ""; }

std::string Spec(const msg::SchedulingSpec& proto) {
  const SchedulingRequest request = FromProto(proto);
  std::string text = ToString(request.resources);
  using Kind = SchedulingStrategy::Kind;
  if (request.strategy.kind == Kind::kSpread) text += " spread";
  if (request.strategy.kind == Kind::kRandom) text += " random";
  if (request.strategy.kind == Kind::kPlacementGroup)
    text += " in-bundle=" + (request.strategy.bundle < 0 ? "any" : std::to_string(request.strategy.bundle));
  for (const LabelExpression& label : request.strategy.hard_labels) {
    text += " " + label.key + "=" + (label.values.empty() ? "*" : label.values.front());
  }
  for (const LabelSelector& selector : request.strategy.fallbacks) {
    text += " or";
    for (const LabelExpression& label : selector)
      text += " " + label.key + "=" + (label.values.empty() ? "*" : label.values.front());
  }
  return text;
}

std::string Gpus(const google::protobuf::RepeatedPtrField<msg::GpuShare>& shares) {
  std::string text;
  for (const msg::GpuShare& share : shares) {
    text += (text.empty() ? " gpus=" : ",") + std::to_string(share.index()) + ":" + ToString(FixedPoint{share.raw()});
  }
  return text;
}

}  // namespace

std::string Describer::Of(TaskId task) const {
  auto it = tasks_.find(task);
  return it != tasks_.end() ? it->second : Of(task.owner) + "#" + std::to_string(task.index);
}

std::string Describer::Of(LeaseId lease) const {
  if (lease.owner == PlacementGroupManager::kOwner) return "reservation/" + std::to_string(lease.index);
  if (!lease.owner.node()) return "gcs/" + std::to_string(lease.index);
  return Of(lease.owner) + "/" + std::to_string(lease.index);
}

std::string Describer::Of(WorkerId worker) const {
  if (auto it = workers_.find(worker); it != workers_.end()) return it->second;
  const ProcessId process = cluster_.FindWorker(worker);
  if (process != kNoProcess) return workers_[worker] = cluster_.NameOf(process);
  return Of(worker.node()) + ".w" + std::to_string(worker.index());
}

std::string Describer::Of(NodeId node) const {
  if (!node) return "-";
  if (auto it = nodes_.find(node); it != nodes_.end()) return it->second;
  const ProcessId process = cluster_.Find("gcs");
  const Gcs* gcs = process == kNoProcess ? nullptr : cluster_.gcs(process);
  if (gcs == nullptr || gcs->nodes().all().count(node) == 0) return ToString(node);
  return nodes_[node] = gcs->nodes().all().at(node).name;
}

std::string Describer::Of(const Address& address) const {
  if (address == Address::Host()) return "host";
  if (address == Address::Executor()) return "executor";
  if (address == Address::Application()) return "app";
  if (address == Address::Storage()) return "storage";
  const ProcessId process = cluster_.FindAddress(address);
  return process == kNoProcess ? "nobody" : cluster_.NameOf(process);
}

std::string Describer::Text(const Message& message, WorkerId self) const {
  if (message.kind() == MessageKind::kTaskFinished) {
    const auto& m = message.As<msg::TaskFinished>();
    return "TaskFinished " + Of(TaskId{self, m.index()}) + " " + Code(m.status()) + Quoted(m.error()) +
           " attempts=" + std::to_string(m.attempts());
  }
  const std::string fields = Fields(message);
  return std::string(message.name()) + (fields.empty() ? "" : " " + fields);
}

std::string Describer::Fields(const Message& message) const {
  std::string text = LeaseFields(message);
  if (text.empty()) text = TaskFields(message);
  if (text.empty()) text = ActorFields(message);
  if (text.empty()) text = GroupFields(message);
  if (text.empty()) text = MembershipFields(message);
  return text;
}

std::string Describer::LeaseFields(const Message& message) const {
  switch (message.kind()) {
    case MessageKind::kRequestLease: {
      const auto& m = message.As<msg::RequestLease>();
      return Of(FromProto(m.lease())) + " " + Spec(m.spec()) + Flag("grant-or-reject", m.grant_or_reject()) +
             (m.rejected_by() != 0 ? " rejected-by=" + Of(NodeId{m.rejected_by()}) : "") +
             IfSet("backlog", m.backlog());
    }
    case MessageKind::kLeaseReply: {
      const auto& m = message.As<msg::LeaseReply>();
      const std::string lease = Of(FromProto(m.lease()));
      switch (m.outcome()) {
        case msg::LeaseReply::GRANTED: return lease + " granted " + Of(WorkerId{m.worker()}) + Gpus(m.gpus());
        case msg::LeaseReply::SPILLBACK: return lease + " try " + Of(NodeId{m.node()});
        case msg::LeaseReply::REJECTED: return lease + " rejected";
        case msg::LeaseReply::CANCELLED: return lease + " cancelled";
        default: return lease + " failed " + Code(m.status()) + Quoted(m.message());
      }
    }
    case MessageKind::kReturnLease: {
      const auto& m = message.As<msg::ReturnLease>();
      return Of(FromProto(m.lease())) + " " + Of(WorkerId{m.worker()}) + Flag("broken", m.worker_broken());
    }
    case MessageKind::kReturnLeaseReply: return Of(FromProto(message.As<msg::ReturnLeaseReply>().lease()));
    case MessageKind::kCancelLease: return Of(FromProto(message.As<msg::CancelLease>().lease()));
    case MessageKind::kWorkerFailed: {
      const auto& m = message.As<msg::WorkerFailed>();
      return Of(FromProto(m.lease())) + " " + Of(WorkerId{m.worker()}) + Quoted(m.reason());
    }
    case MessageKind::kPickNode: {
      const auto& m = message.As<msg::PickNode>();
      return Of(FromProto(m.lease())) + " " + Spec(m.spec()) +
             (m.avoid_node() != 0 ? " avoid=" + Of(NodeId{m.avoid_node()}) : "");
    }
    case MessageKind::kPickNodeReply: {
      const auto& m = message.As<msg::PickNodeReply>();
      if (m.status() != 0) return Of(FromProto(m.lease())) + " " + Code(m.status()) + Quoted(m.message());
      return Of(FromProto(m.lease())) + " → " + Of(NodeId{m.node()});
    }
    case MessageKind::kPreemptLeases: {
      const auto& m = message.As<msg::PreemptLeases>();
      std::string jobs;
      for (uint32_t job : m.jobs()) jobs += " " + ToString(JobId{job});
      return Of(FromProto(m.lease())) + " " + ToString(FromProto(m.amounts())) + " of" + jobs;
    }
    case MessageKind::kCancelPick: return Of(FromProto(message.As<msg::CancelPick>().lease()));
    default: return "";
  }
}

std::string Describer::TaskFields(const Message& message) const {
  switch (message.kind()) {
    case MessageKind::kPushTask: {
      const auto& m = message.As<msg::PushTask>();
      return Of(TaskId{{m.spec().owner()}, m.spec().index()}) + IfSet("attempt", m.attempt()) + Gpus(m.gpus());
    }
    case MessageKind::kReportItem: {
      const auto& m = message.As<msg::ReportItem>();
      return Of(TaskId{{m.owner()}, m.index()}) + "#" + std::to_string(m.item()) + IfSet("attempt", m.attempt());
    }
    case MessageKind::kStreamProgress: {
      const auto& m = message.As<msg::StreamProgress>();
      return Of(TaskId{{m.owner()}, m.index()}) + IfSet("attempt", m.attempt()) + IfSet("taken", m.taken()) +
             IfSet("received", m.received()) + (m.dropped() ? " dropped" : "");
    }
    case MessageKind::kTaskReply: {
      const auto& m = message.As<msg::TaskReply>();
      const std::string result = m.requeue() ? "requeue" : Code(m.status());
      return Of(TaskId{{m.owner()}, m.index()}) + " " + result + Quoted(m.error()) + IfSet("attempt", m.attempt());
    }
    case MessageKind::kCancelRunning: {
      const auto& m = message.As<msg::CancelRunning>();
      return Of(TaskId{{m.owner()}, m.index()}) + Flag("force", m.force()) + Flag("recursive", m.recursive());
    }
    case MessageKind::kExecuteTask: {
      const auto& m = message.As<msg::ExecuteTask>();
      return Of(TaskId{{m.spec().owner()}, m.spec().index()}) + Gpus(m.gpus());
    }
    case MessageKind::kInterruptTask: {
      const auto& m = message.As<msg::InterruptTask>();
      return Of(TaskId{{m.owner()}, m.index()});
    }
    case MessageKind::kTaskExecuted: {
      const auto& m = message.As<msg::TaskExecuted>();
      return Of(TaskId{{m.owner()}, m.index()}) + " " + Code(m.status());
    }
    case MessageKind::kObjectsReady: {
      const auto& m = message.As<msg::ObjectsReady>();
      std::string text = m.status() == 0 ? "" : Code(m.status());
      for (const msg::ObjectValue& value : m.values()) {
        const ObjectId object = FromProto(value.object());
        text += (text.empty() ? "" : " ") + Of(object.task);
        if (object.index > 0) text += "#" + std::to_string(object.index);
        text += "=" + Code(value.status());
      }
      return text;
    }
    case MessageKind::kItemYielded: {
      const auto& m = message.As<msg::ItemYielded>();
      return "item " + std::to_string(m.request()) + " " + Code(m.status());
    }
    case MessageKind::kWorkerBlocked: return message.As<msg::WorkerBlocked>().blocked() ? "blocked" : "running again";
    default: return "";
  }
}

std::string Describer::ActorFields(const Message& message) const {
  const auto actor = [&](const msg::ActorKey& key) { return Of(TaskId{{key.owner()}, key.index()}); };
  const auto creation = [&](const msg::TaskSpec& spec) { return Of(TaskId{{spec.owner()}, spec.index()}); };
  switch (message.kind()) {
    case MessageKind::kRegisterActor: {
      const msg::TaskSpec& spec = message.As<msg::RegisterActor>().creation();
      return creation(spec) + (spec.actor().name().empty() ? "" : " named " + spec.actor().name());
    }
    case MessageKind::kRegisterActorReply: {
      const auto& m = message.As<msg::RegisterActorReply>();
      return actor(m.actor()) + " " + Code(m.status()) + Quoted(m.message()) +
             (m.existing().has_actor() ? " existing=" + actor(m.existing().actor()) : "");
    }
    case MessageKind::kCreateActor: return creation(message.As<msg::CreateActor>().creation());
    case MessageKind::kWatchActor: return actor(message.As<msg::WatchActor>().actor());
    case MessageKind::kActorState: {
      const auto& m = message.As<msg::ActorState>();
      std::string text = actor(m.actor()) + " " + std::string(ActorPhaseName(static_cast<ActorPhase>(m.state())));
      if (m.incarnation() != UINT32_MAX) text += IfSet("incarnation", m.incarnation());
      if (m.worker() != 0) text += " in " + Of(WorkerId{m.worker()});
      return text + (m.status() != 0 ? " " + Code(m.status()) : "") + Quoted(m.message());
    }
    case MessageKind::kKillActor: {
      const auto& m = message.As<msg::KillActor>();
      return actor(m.actor()) + (m.no_restart() ? "" : " may-restart") + Quoted(m.reason());
    }
    case MessageKind::kFindActor: return message.As<msg::FindActor>().name();
    case MessageKind::kFindActorReply: {
      const auto& m = message.As<msg::FindActorReply>();
      return m.status() != 0 ? Code(m.status()) + Quoted(m.message()) : actor(m.actor().actor());
    }
    case MessageKind::kActorFound: {
      const auto& m = message.As<msg::ActorFound>();
      return m.status() != 0 ? Code(m.status()) + Quoted(m.message()) : actor(m.actor().actor());
    }
    case MessageKind::kKillLeasedWorker: {
      const auto& m = message.As<msg::KillLeasedWorker>();
      return Of(FromProto(m.lease())) + " " + Of(WorkerId{m.worker()});
    }
    default: return "";
  }
}

std::string Describer::GroupFields(const Message& message) const {
  const auto group = [&](const msg::GroupKey& key) { return Of(TaskId{{key.owner()}, key.index()}); };
  switch (message.kind()) {
    case MessageKind::kCreatePlacementGroup: {
      const auto& m = message.As<msg::CreatePlacementGroup>().group();
      return group(m.group()) + " " + BundleStrategyName(static_cast<BundleStrategy>(m.strategy()));
    }
    case MessageKind::kAwaitPlacementGroup: {
      const auto& m = message.As<msg::AwaitPlacementGroup>();
      return group(m.group()) + Flag("gives-up", m.give_up());
    }
    case MessageKind::kFindPlacementGroup: return message.As<msg::FindPlacementGroup>().name();
    case MessageKind::kRemovePlacementGroup: return group(message.As<msg::RemovePlacementGroup>().group());
    case MessageKind::kPlacementGroupReply: {
      const auto& m = message.As<msg::PlacementGroupReply>();
      std::string text = Code(m.status()) + Quoted(m.message());
      if (!m.has_group()) return text;
      const auto phase = static_cast<PlacementGroupPhase>(m.group().state());
      text = group(m.group().group()) + " " + std::string(PlacementGroupPhaseName(phase)) + " " + text;
      for (const msg::BundleSpec& bundle : m.group().bundles()) text += " " + Of(NodeId{bundle.node()});
      return text;
    }
    case MessageKind::kPrepareBundles: {
      const auto& m = message.As<msg::PrepareBundles>();
      std::string text = Of(FromProto(m.reservation())) + " " + group(m.group());
      for (const msg::BundleSpec& bundle : m.bundles())
        text += " " + std::to_string(bundle.index()) + ":" + ToString(FromProto(bundle.spec()).resources);
      return text;
    }
    case MessageKind::kBundlesPrepared: {
      const auto& m = message.As<msg::BundlesPrepared>();
      return Of(FromProto(m.reservation())) + Flag("refused", m.refused());
    }
    case MessageKind::kCommitBundles: return Of(FromProto(message.As<msg::CommitBundles>().reservation()));
    case MessageKind::kBundlesCommitted: return Of(FromProto(message.As<msg::BundlesCommitted>().reservation()));
    case MessageKind::kReturnBundles: {
      const auto& m = message.As<msg::ReturnBundles>();
      return Of(FromProto(m.reservation())) + Quoted(m.reason());
    }
    case MessageKind::kBundlesReturned: return Of(FromProto(message.As<msg::BundlesReturned>().reservation()));
    default: return "";
  }
}

std::string Describer::MembershipFields(const Message& message) const {
  switch (message.kind()) {
    case MessageKind::kRegisterNode: return message.As<msg::RegisterNode>().name();
    case MessageKind::kRegisterNodeReply: {
      const auto& m = message.As<msg::RegisterNodeReply>();
      return "node-" + std::to_string(m.node()) + (m.status() != 0 ? " " + Code(m.status()) + Quoted(m.message()) : "");
    }
    case MessageKind::kNodeDied: {
      const auto& m = message.As<msg::NodeDied>();
      return Of(NodeId{m.node()}) + Quoted(m.reason());
    }
    case MessageKind::kUnregisterNode: return Quoted(message.As<msg::UnregisterNode>().reason()).substr(1);
    case MessageKind::kHealthCheck: return "round " + std::to_string(message.As<msg::HealthCheck>().round());
    case MessageKind::kHealthCheckReply: return "round " + std::to_string(message.As<msg::HealthCheckReply>().round());
    case MessageKind::kResourceReport: {
      const auto& m = message.As<msg::ResourceReport>();
      std::string text = ToString(FromProto(m.available()));
      for (const msg::LeaseKey& key : m.seen()) text += " seen=" + Of(FromProto(key));
      return text + IfSet("queued", m.queued_leases()) + IfSet("running", m.running_leases());
    }
    case MessageKind::kStartProcess: return Of(WorkerId{message.As<msg::StartProcess>().worker()});
    case MessageKind::kProcessStarted: return Of(WorkerId{message.As<msg::ProcessStarted>().worker()});
    case MessageKind::kProcessExited: {
      const auto& m = message.As<msg::ProcessExited>();
      return Of(WorkerId{m.worker()}) +
             (m.signal() != 0 ? IfSet("signal", m.signal()) : " code=" + std::to_string(m.exit_code()));
    }
    case MessageKind::kKillProcess: {
      const auto& m = message.As<msg::KillProcess>();
      return Of(WorkerId{m.worker()}) + (m.force() ? " SIGKILL" : " SIGTERM");
    }
    case MessageKind::kExit:
      return "code=" + std::to_string(message.As<msg::Exit>().code()) + Quoted(message.As<msg::Exit>().reason());
    case MessageKind::kExitWorker: return message.As<msg::ExitWorker>().reason();
    case MessageKind::kWorkerDead: return Of(WorkerId{message.As<msg::WorkerDead>().worker()});
    case MessageKind::kRegisterWorker: return Of(WorkerId{message.As<msg::RegisterWorker>().worker()});
    case MessageKind::kFinishDriver:
    case MessageKind::kFinishJob: {
      const bool driver = message.kind() == MessageKind::kFinishDriver;
      return Code(driver ? message.As<msg::FinishDriver>().status() : message.As<msg::FinishJob>().status());
    }
    case MessageKind::kJobFinished: return "job-" + std::to_string(message.As<msg::JobFinished>().job());
    case MessageKind::kGetJob: return "job-" + std::to_string(message.As<msg::GetJob>().job());
    case MessageKind::kDriverReady: {
      const auto& m = message.As<msg::DriverReady>();
      return Code(m.status()) + Quoted(m.message());
    }
    case MessageKind::kKvReply: {
      const auto& m = message.As<msg::KvReply>();
      std::string text = Code(m.status()) + Quoted(m.value()) + Flag("changed", m.changed());
      for (const std::string& key : m.keys()) text += " " + key;
      return text;
    }
    default: return "";
  }
}

}  // namespace orrery::test
