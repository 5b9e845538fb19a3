#include "runtime/core_worker/group_client.h"

#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

uint64_t GroupClient::RequestOf(const Message& question) {
  switch (question.kind()) {
    case MessageKind::kCreatePlacementGroup: return question.As<msg::CreatePlacementGroup>().request();
    case MessageKind::kAwaitPlacementGroup: return question.As<msg::AwaitPlacementGroup>().request();
    case MessageKind::kFindPlacementGroup: return question.As<msg::FindPlacementGroup>().request();
    default: return question.As<msg::RemovePlacementGroup>().request();
  }
}

bool GroupClient::Ask(Message question) {
  const uint64_t request = RequestOf(question);
  const MessageKind kind = question.kind();
  const auto own = [&](const std::string& given) { return given.empty() ? ToString(core_.job) : given; };
  bool blocks = false;
  if (kind == MessageKind::kCreatePlacementGroup) {
    msg::PlacementGroupInfo& group = *question.As<msg::CreatePlacementGroup>().mutable_group();
    group.set_job(core_.job.value);
    group.set_name_space(own(group.name_space()));
  } else if (kind == MessageKind::kFindPlacementGroup) {
    auto& find = question.As<msg::FindPlacementGroup>();
    find.set_name_space(own(find.name_space()));
  } else if (kind == MessageKind::kAwaitPlacementGroup) {
    const auto& await = question.As<msg::AwaitPlacementGroup>();
    blocks = await.from_task() != 0 && !await.give_up();
    Draft<msg::AwaitPlacementGroup> give_up;
    give_up->CopyFrom(await);
    give_up->set_give_up(true);
    waits_[request] = {blocks ? await.from_task() : 0, std::move(give_up)};
    if (!await.give_up() && await.timeout_ns() >= 0)
      core_.env.SetTimer(Duration{await.timeout_ns()}, TimerKind::kGroupTimeout, request);
  }
  asked_[request] = kind;
  core_.ToGcs({kind, request, 0}, std::move(question));
  return blocks;
}

void GroupClient::OnTimeout(uint64_t request) {
  const auto it = waits_.find(request);
  if (it != waits_.end()) core_.ToGcs({MessageKind::kAwaitPlacementGroup, request, 0}, std::move(it->second.give_up));
}

int GroupClient::ForgetTask(uint32_t execution) {
  int forgotten = 0;
  for (auto& [request, wait] : waits_) {
    if (wait.from_task == execution) ++forgotten;
    if (wait.from_task == execution) wait.from_task = 0;
  }
  return forgotten;
}

bool GroupClient::OnReply(Message reply) {
  const uint64_t request = reply.As<msg::PlacementGroupReply>().request();
  const auto it = asked_.find(request);
  if (it == asked_.end()) return false;  // a second answer
  core_.requests.Done({it->second, request, 0});
  asked_.erase(it);
  bool unblocks = false;
  if (const auto wait = waits_.find(request); wait != waits_.end()) {
    unblocks = wait->second.from_task != 0;
    waits_.erase(wait);
    core_.env.CancelTimer(TimerKind::kGroupTimeout, request);
  }
  core_.env.Send(Address::Application(), std::move(reply));
  return unblocks;
}

}  // namespace orrery
