#include "sim/platform/sim_provider.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

constexpr uint64_t kBooted = 1, kGone = 2, kOutage = 3, kTaken = 4;

}  // namespace

SimProvider::SimProvider(SimEngine& engine, const Scenario& scenario, InstanceHost& host)
    : engine_(engine),
      scenario_(scenario),
      spec_(scenario.autoscaler->provider),
      host_(host),
      random_(engine.NamedRandom("provider", "draws")) {
  for (size_t i = 0; i < spec_.outages.size(); ++i) engine_.At(Time{} + spec_.outages[i].at, this, kOutage, i);
}

const NodeTypeSpec* SimProvider::TypeOf(const std::string& name) const {
  for (const NodeTypeSpec& type : scenario_.cluster.node_types) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

void SimProvider::OnMessage(ProcessHandle process, Message message) {
  autoscaler_ = process;
  switch (message.kind()) {
    case MessageKind::kLaunchInstances: return OnLaunch(message.As<msg::LaunchInstances>());
    case MessageKind::kTerminateInstances: return OnTerminate(message.As<msg::TerminateInstances>());
    case MessageKind::kListInstances: return OnList(message.As<msg::ListInstances>().request());
    default: ORRERY_ASSERT_MSG(false, "not a message to a provider");
  }
}

void SimProvider::OnProcessGone(ProcessHandle process) {
  if (autoscaler_ == process) autoscaler_ = {};
}

void SimProvider::Answer(Message message) {
  if (!engine_.Alive(autoscaler_)) return;
  const auto late = [&] { return Duration::FromSeconds(Sample(spec_.answer_delay, random_)); };
  if (spec_.lost_answers > 0 && random_.Chance(spec_.lost_answers)) {
    ++totals_.answers_lost;
    return;
  }
  if (spec_.double_answers > 0 && random_.Chance(spec_.double_answers)) {
    ++totals_.answers_doubled;
    engine_.Deliver(autoscaler_, Address::Provider(), message.Clone(), late());
  }
  engine_.Deliver(autoscaler_, Address::Provider(), std::move(message), late());
}

std::string SimProvider::Refusal(const std::string& type) {
  const Duration now = engine_.Now() - Time{};
  for (const OutageSpec& outage : spec_.outages) {
    const bool of_type = outage.type.empty() || outage.type == type;
    if (of_type && now >= outage.at && now < outage.at + outage.refuse_for) return "no capacity";
  }
  if (spec_.quota > 0 && static_cast<int64_t>(living_) >= spec_.quota)
    return "the quota of " + std::to_string(spec_.quota) + " instances is used up";
  if (spec_.launch_failures > 0 && random_.Chance(spec_.launch_failures)) return "the launch failed";
  if (host_.FreeNode(type) != SIZE_MAX) return "";
  ++totals_.above_maximum;
  return "above max";
}

void SimProvider::OnLaunch(const msg::LaunchInstances& request) {
  Draft<msg::InstancesLaunched> reply;
  reply->set_request(request.request());
  const bool partial = spec_.partial_answers > 0 && random_.Chance(spec_.partial_answers);
  for (int i = 0; i < request.instances_size(); ++i) {
    const uint64_t instance = request.instances(i);
    const bool told = !partial || i % 2 == 0;
    auto known = clouds_.find(instance);
    std::string refusal;
    if (known == clouds_.end()) refusal = Refusal(request.node_type());
    msg::LaunchOutcome outcome;
    outcome.set_instance(instance);
    if (!refusal.empty()) {
      if (!told) continue;  // it will be asked again
      ++totals_.failed_launches;
      outcome.set_status(static_cast<uint32_t>(StatusCode::kUnavailable));
      outcome.set_message(refusal);
    } else {
      outcome.set_cloud_id(known == clouds_.end() ? Begin(instance, request.node_type()).cloud_id
                                                  : known->second.cloud_id);
    }
    if (told) *reply->add_outcomes() = outcome;
  }
  Answer(std::move(reply));
}

SimProvider::Cloud& SimProvider::Begin(uint64_t instance, const std::string& type) {
  Cloud& cloud = clouds_[instance];
  cloud.cloud_id = "i-" + std::to_string(clouds_.size());
  cloud.type = type;
  cloud.node = host_.FreeNode(type);
  cloud.launched = engine_.Now();
  cloud.price = TypeOf(type)->price;
  tag_of_[cloud.cloud_id] = instance;
  const auto last = last_end_.find(type);
  if (last != last_end_.end() && engine_.Now() - last->second < scenario_.policy.idle_timeout) ++totals_.flaps;
  ++totals_.launched;
  totals_.peak_nodes = std::max(totals_.peak_nodes, static_cast<int64_t>(++living_));
  const Duration boot =
      spec_.boot_time ? Duration::FromSeconds(Sample(*spec_.boot_time, random_)) : TypeOf(type)->boot_time;
  const bool joins = spec_.never_join == 0 || !random_.Chance(spec_.never_join);
  host_.StartInstance(cloud.node, 0);  // taken
  if (joins) engine_.At(engine_.Now() + boot, this, kBooted, instance);
  return cloud;
}

void SimProvider::End(uint64_t instance, Cloud& cloud) {
  if (cloud.state == State::kTerminating || cloud.state == State::kGone) return;
  if (cloud.state == State::kRunning) SetRunning(running_ - 1);
  cloud.state = State::kTerminating;
  cloud.ended = engine_.Now();
  --living_;
  host_.EndInstance(cloud.node);
  engine_.At(engine_.Now() + spec_.terminate_time, this, kGone, instance);
}

void SimProvider::OnTerminate(const msg::TerminateInstances& request) {
  Draft<msg::InstancesTerminated> reply;
  reply->set_request(request.request());
  for (const std::string& cloud_id : request.cloud_ids()) {
    reply->add_cloud_ids(cloud_id);
    const auto tag = tag_of_.find(cloud_id);
    if (tag == tag_of_.end()) continue;
    Cloud& cloud = clouds_.at(tag->second);
    if (cloud.state == State::kTerminating || cloud.state == State::kGone) continue;
    if (host_.NodeBusy(cloud.node)) ++totals_.ended_busy;
    ++totals_.terminated;
    last_end_[cloud.type] = engine_.Now();
    End(tag->second, cloud);
  }
  Answer(std::move(reply));
}

void SimProvider::OnList(uint64_t request) {
  Draft<msg::InstanceList> list;
  list->set_request(request);
  for (const auto& [instance, cloud] : clouds_) {
    if (cloud.state == State::kGone) continue;
    msg::CloudInstance* row = list->add_instances();
    row->set_cloud_id(cloud.cloud_id);
    row->set_instance(instance);
    row->set_node_type(cloud.type);
    row->set_running(cloud.state == State::kRunning);
    row->set_terminating(cloud.state == State::kTerminating);
  }
  Answer(std::move(list));
}

void SimProvider::SetRunning(size_t running) {
  running_ = running;
  std::erase_if(lasting_, [&](Outage& outage) {
    outage.felt |= running < outage.running_before;
    if (!outage.felt || running < outage.running_before) return false;
    totals_.time_to_recover = std::max(totals_.time_to_recover.value_or(Duration{}), engine_.Now() - outage.at);
    return true;
  });
}

void SimProvider::Preempt(const OutageSpec& outage) {
  lasting_.push_back({engine_.Now(), running_, false});
  int64_t left = outage.preempt;
  for (auto& [instance, cloud] : clouds_) {
    const bool of_type = outage.type.empty() || outage.type == cloud.type;
    if (left == 0 || !of_type || (cloud.state != State::kRunning && cloud.state != State::kBooting)) continue;
    --left;
    ++totals_.preempted;
    engine_.At(engine_.Now() + outage.notice, this, kTaken, instance);
    if (outage.notice.ns == 0) continue;
    Draft<msg::InstanceEvent> event;
    event->set_cloud_id(cloud.cloud_id);
    event->set_notice_ns(outage.notice.ns);
    Answer(std::move(event));
  }
}

void SimProvider::OnEvent(uint64_t a, uint64_t b) {
  if (a == kOutage) return Preempt(spec_.outages[b]);
  Cloud& cloud = clouds_.at(b);
  if (a == kBooted && cloud.state == State::kBooting) {
    cloud.state = State::kRunning;
    SetRunning(running_ + 1);
    host_.StartInstance(cloud.node, b);
  } else if (a == kGone) {
    cloud.state = State::kGone;
  } else if (a == kTaken && cloud.state != State::kTerminating && cloud.state != State::kGone) {
    End(b, cloud);
    Draft<msg::InstanceEvent> event;
    event->set_cloud_id(cloud.cloud_id);
    event->set_gone(true);
    Answer(std::move(event));
  }
}

ProviderTotals SimProvider::Totals() const {
  ProviderTotals totals = totals_;
  if (!lasting_.empty()) totals.time_to_recover.reset();
  for (const auto& [instance, cloud] : clouds_) {
    const bool ended = cloud.state == State::kTerminating || cloud.state == State::kGone;
    const double seconds = ((ended ? cloud.ended : engine_.Now()) - cloud.launched).seconds();
    totals.node_seconds += seconds;
    totals.cost += seconds / 3600 * cloud.price;
  }
  return totals;
}

std::vector<uint64_t> SimProvider::Living() const {
  std::vector<uint64_t> living;
  for (const auto& [instance, cloud] : clouds_) {
    if (cloud.state == State::kBooting || cloud.state == State::kRunning) living.push_back(instance);
  }
  return living;
}

}  // namespace orrery
