#include "runtime/providers/exec_answer.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/common/time.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

using Json = nlohmann::json;

constexpr size_t kLongest = 1000;  // of a name or a message

// Takes an answer apart; after the first problem everything reads as empty.
class Answer {
 public:
  explicit Answer(const std::string& text) : json_(Json::parse(text, nullptr, false)) {
    if (!json_.is_object()) {
      std::string shown = text.substr(0, 60);
      for (char& c : shown) {
        if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) > '~') c = '.';
      }
      Bad("is no JSON object: '" + shown + "'");
      return;
    }
    const auto version = json_.find("version");
    if (version == json_.end() || *version != 1) {
      Bad("has version " + (version == json_.end() ? "(none)" : version->dump().substr(0, 20)) +
          ", this cluster speaks version 1");
      return;
    }
    if (json_.contains("error"))
      status_ = {StatusCode::kUnavailable, "the provider program says: " + Text(json_, "error", "")};
  }

  const Status& status() const { return status_; }
  const Json& json() const { return json_; }
  void Bad(const std::string& what) {
    if (status_.ok()) status_ = {StatusCode::kInvalidArgument, "the provider program's answer " + what};
  }
  // Calls `each(element, place)` for the objects of the list `key`.
  template <class Each>
  void List(const char* key, bool needed, Each each) {
    if (!status_.ok()) return;
    const auto list = json_.find(key);
    if (list == json_.end() && !needed) return;
    if (list == json_.end() || !list->is_array()) return Bad(std::string("needs the list '") + key + "'");
    for (size_t i = 0; i < list->size() && status_.ok(); ++i)
      each((*list)[i], std::string(key) + "[" + std::to_string(i) + "]");
  }
  std::string Text(const Json& at, const char* key, const std::string& place) {
    const Json* value = Find(at, key, place);
    if (value == nullptr) return "";
    const std::string name = place.empty() ? key : place + "." + key;
    if (!value->is_string() || value->get_ref<const std::string&>().empty()) return Bad(name + ": expected text"), "";
    std::string text = value->get<std::string>();
    if (text.size() > kLongest) return Bad(name + ": longer than 1000 bytes"), "";
    return text;
  }
  uint64_t Count(const Json& at, const char* key, const std::string& place) {
    const Json* value = Find(at, key, place);
    if (value == nullptr) return 0;
    if (value->is_number_unsigned()) return value->get<uint64_t>();
    return Bad(place + "." + key + ": expected a whole number from 0"), 0;
  }

 private:
  const Json* Find(const Json& at, const char* key, const std::string& place) {
    if (!at.is_object()) return Bad(place + ": expected an object"), nullptr;
    const auto found = at.find(key);
    if (found == at.end()) return Bad(place + " needs the key '" + key + "'"), nullptr;
    return &*found;
  }
  const Json json_;
  Status status_;
};

// Of one event; nullptr when it makes no sense.
void ReadEvent(Answer& answer, const Json& element, const std::string& place, std::vector<Message>& events) {
  Draft<msg::InstanceEvent> event;
  event->set_cloud_id(answer.Text(element, "cloud_id", place));
  if (!answer.status().ok()) return;
  if (element.contains("gone")) {
    if (element["gone"] != true) return answer.Bad(place + ".gone: expected true");
    event->set_gone(true);
  } else {
    const auto notice = element.find("notice_s");
    const bool good =
        notice != element.end() && notice->is_number() && notice->get<double>() >= 0 && notice->get<double>() < 1e6;
    if (!good) return answer.Bad(place + ": needs notice_s (seconds from 0) or gone");
    event->set_notice_ns(Duration::FromSeconds(notice->get<double>()).ns);
  }
  events.push_back(std::move(event));
}

}  // namespace

Status ReadListAnswer(const std::string& text, msg::InstanceList& list, std::vector<Message>& events) {
  Answer answer(text);
  answer.List("instances", true, [&](const Json& element, const std::string& place) {
    msg::CloudInstance* row = list.add_instances();
    row->set_cloud_id(answer.Text(element, "cloud_id", place));
    row->set_instance(answer.Count(element, "instance", place));
    row->set_node_type(answer.Text(element, "node_type", place));
    const std::string state = answer.Text(element, "state", place);
    row->set_running(state == "running");
    row->set_terminating(state == "terminating");
    if (state != "running" && state != "terminating" && state != "booting")
      answer.Bad(place + ".state: expected booting, running or terminating");
  });
  answer.List("events", false,
              [&](const Json& element, const std::string& place) { ReadEvent(answer, element, place, events); });
  if (!answer.status().ok()) return answer.status();
  if (answer.json().contains("max_instances")) list.set_max_instances(answer.Count(answer.json(), "max_instances", ""));
  list.set_notices(answer.json().value("notices", Json(false)) == true);
  return answer.status();
}

Status ReadLaunchAnswer(const std::string& text, msg::InstancesLaunched& launched) {
  Answer answer(text);
  answer.List("outcomes", true, [&](const Json& element, const std::string& place) {
    msg::LaunchOutcome* outcome = launched.add_outcomes();
    outcome->set_instance(answer.Count(element, "instance", place));
    if (element.is_object() && element.contains("error")) {
      outcome->set_status(static_cast<uint32_t>(StatusCode::kUnavailable));
      outcome->set_message(answer.Text(element, "error", place));
    } else {
      outcome->set_cloud_id(answer.Text(element, "cloud_id", place));
    }
  });
  return answer.status();
}

Status ReadTerminateAnswer(const std::string& text, msg::InstancesTerminated& terminated) {
  Answer answer(text);
  answer.List("terminated", true, [&](const Json& element, const std::string& place) {
    if (element.is_string())
      terminated.add_cloud_ids(element.get<std::string>());
    else
      answer.Bad(place + ": expected text");
  });
  return answer.status();
}

}  // namespace orrery
