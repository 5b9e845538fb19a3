#include "runtime/main/terminate_all.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

constexpr Duration kPause = Duration::Millis(300);

// Asks for the list, terminates what is on it, and asks again after a pause.
class Terminator final : public StateMachine {
 public:
  explicit Terminator(Env& env) : env_(env) {}
  void Start() override { List(); }
  void OnMessage(const Address&, Message message) override {
    if (message.kind() == MessageKind::kInstanceList) return OnList(message.As<msg::InstanceList>());
    if (message.kind() != MessageKind::kInstancesTerminated) return;
    const auto& reply = message.As<msg::InstancesTerminated>();
    Note(reply.status(), reply.message());
    env_.SetTimer(kPause, TimerKind::kAutoscalerRound, 0);
  }
  void OnTimer(TimerKind, uint64_t) override { List(); }
  void OnPeerLost(const Address&) override {}

  bool done() const { return done_; }
  size_t terminated() const { return terminated_.size(); }
  const Status& trouble() const { return trouble_; }  // of the provider's last answer

 private:
  void List() {
    Draft<msg::ListInstances> list;
    list->set_request(++request_);
    env_.Send(Address::Provider(), std::move(list));
  }
  void Note(uint32_t status, const std::string& message) {
    trouble_ = status == 0 ? Status::Ok() : Status(static_cast<StatusCode>(status), message);
  }
  void OnList(const msg::InstanceList& list) {
    Note(list.status(), list.message());
    Draft<msg::TerminateInstances> terminate;
    terminate->set_request(++request_);
    for (const msg::CloudInstance& instance : list.instances()) {
      if (instance.instance() == 0 || instance.terminating()) continue;
      terminate->add_cloud_ids(instance.cloud_id());
      terminated_.insert(instance.cloud_id());
    }
    if (terminate->cloud_ids_size() > 0) return env_.Send(Address::Provider(), std::move(terminate));
    done_ = trouble_.ok();
    if (!done_) env_.SetTimer(kPause, TimerKind::kAutoscalerRound, 0);
  }

  Env& env_;
  uint64_t request_ = 0;
  std::set<std::string> terminated_;
  Status trouble_;
  bool done_ = false;
};

}  // namespace

Result<size_t> TerminateAll(const ClusterConfig& config, const ProviderSite& site, Duration limit) {
  LiveOptions live;
  live.role = "client";
  live.token = "none";  // nobody connects
  Result<std::unique_ptr<LiveEnv>> env = LiveEnv::Create(live);
  if (!env.ok()) return env.status();
  Result<std::unique_ptr<LocalEndpoint>> provider = MakeProvider(**env, config, site);
  if (!provider.ok()) return provider.status();
  Terminator terminator(**env);
  (*env)->SetLocalEndpoint(Address::Provider(), provider->get());
  (*env)->SetStateMachine(&terminator);
  (*env)->Acquire();
  const Time end = (*env)->Now() + limit;
  while (!terminator.done() && (*env)->Now() < end)
    (*env)->RunOne(std::min(end - (*env)->Now(), Duration::Millis(100)));
  (*env)->Release();
  provider->reset();  // before its world
  if (terminator.done()) return terminator.terminated();
  if (!terminator.trouble().ok()) return terminator.trouble();
  return Status(StatusCode::kTimedOut, "the provider still lists instances that do not end");
}

}  // namespace orrery
