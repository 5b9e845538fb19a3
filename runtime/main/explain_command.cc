// orrery explain autoscaler: what it did and why, from autoscaler.csv.
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "runtime/common/settings.h"
#include "runtime/main/commands.h"
#include "runtime/main/exit_code.h"
#include "runtime/messages/autoscaler_rows.h"
#include "runtime/transport/session.h"

namespace orrery {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kRecent = 12;  // actions shown

// How things were at one time.
struct Picture {
  Time at;
  int64_t round = 0;  // the last one that changed anything
  int64_t demand = 0, nodes = 0;
  std::vector<AutoscalerRow> done;      // the last actions, the newest last
  std::vector<AutoscalerRow> standing;  // what held
};

bool Stands(const std::string& action) { return action == "keep" || action == "wait" || action == "infeasible"; }

// The same thing of one round, as when many launches are refused: it is shown once, with all of their counts.
bool Repeats(const std::vector<AutoscalerRow>& done, const AutoscalerRow& row) {
  if (done.empty()) return false;
  const AutoscalerRow& last = done.back();
  return last.round == row.round && last.time == row.time && last.action == row.action &&
         last.node_type == row.node_type && last.reason == row.reason;
}

Picture PictureAt(const std::vector<AutoscalerRow>& rows, Time at) {
  Picture picture;
  picture.at = at;
  std::map<std::tuple<std::string, std::string>, AutoscalerRow> standing;  // by type, and "action: reason"
  for (const AutoscalerRow& row : rows) {
    if (row.time > at) break;
    if (row.round < picture.round) standing.clear();  // another autoscaler, which says anew what holds
    picture.round = row.round;
    if (row.action == "demand") {
      picture.demand = row.count;
    } else if (row.action == "nodes") {
      picture.nodes = row.count;
    } else if (row.action == "over") {
      standing.erase({row.node_type, row.reason});
    } else if (Stands(row.action)) {
      standing[{row.node_type, row.action + ": " + row.reason}] = row;
    } else if (Repeats(picture.done, row)) {
      picture.done.back().count += row.count;
    } else {
      picture.done.push_back(row);
    }
  }
  if (picture.done.size() > kRecent) picture.done.erase(picture.done.begin(), picture.done.end() - kRecent);
  for (auto& [key, row] : standing) picture.standing.push_back(std::move(row));
  return picture;
}

Time SinceEpoch() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return Time{int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec};
}

std::string When(Time time, bool live) {
  char text[48];
  if (live) {
    const time_t seconds = time.ns / 1'000'000'000;
    std::strftime(text, sizeof text, "%F %T", localtime(&seconds));
  } else {
    std::snprintf(text, sizeof text, "%.3f s", time.seconds());
  }
  return text;
}

void PrintRow(const AutoscalerRow& row, bool live) {
  std::string what = row.action;
  if (row.count > 0) what += " " + std::to_string(row.count);
  if (!row.node_type.empty()) what += " " + row.node_type;
  std::printf("  %-20s  %-24s  %s\n", When(row.time, live).c_str(), what.c_str(), row.reason.c_str());
}

void PrintText(const Picture& picture, bool live) {
  std::printf("Autoscaler at %s, after round %lld: %lld leases waited, %lld instances ran or were on their way\n",
              When(picture.at, live).c_str(), static_cast<long long>(picture.round),
              static_cast<long long>(picture.demand), static_cast<long long>(picture.nodes));
  std::printf("\nWhat held, and since when\n");
  for (const AutoscalerRow& row : picture.standing) PrintRow(row, live);
  if (picture.standing.empty()) std::printf("  nothing waited for nodes, and no idle node was kept\n");
  std::printf("\nWhat it had done last\n");
  for (const AutoscalerRow& row : picture.done) PrintRow(row, live);
  if (picture.done.empty()) std::printf("  nothing yet\n");
}

Json ToJson(const std::vector<AutoscalerRow>& rows) {
  Json json = Json::array();
  for (const AutoscalerRow& row : rows) {
    json.push_back({{"time_s", row.time.seconds()},
                    {"round", row.round},
                    {"action", row.action},
                    {"node_type", row.node_type},
                    {"count", row.count},
                    {"reason", row.reason}});
  }
  return json;
}

Result<std::vector<AutoscalerRow>> ReadRows(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Status(StatusCode::kNotFound, "cannot read " + path + ": " + std::strerror(errno));
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  Result<std::vector<AutoscalerRow>> rows = ParseAutoscalerCsv(text);
  if (!rows.ok()) return Status(rows.status().code(), path + ": " + rows.status().message());
  return rows;
}

}  // namespace

int ExplainAutoscalerCommand(const ExplainOptions& options) {
  const bool live = options.folder.empty();
  std::string path = options.folder + "/autoscaler.csv";
  if (live) {
    Result<Session> session = Session::Open();
    if (!session.ok()) return Fail(kExitFailed, session.status().message());
    path = session->autoscaler_log();
  }
  Result<std::vector<AutoscalerRow>> rows = ReadRows(path);
  if (!rows.ok()) {
    std::string hint = live ? "; no autoscaler has run in this session (name a result folder to read one)" : "";
    const std::string seed = options.folder + "/seed-1";
    if (!live && access(seed.c_str(), F_OK) == 0)
      hint = "; the folder has a run for each seed: name one, such as " + seed;
    return Fail(kExitUsage, rows.status().message() + hint);
  }
  Time at = live ? SinceEpoch() : Time{INT64_MAX};
  if (!options.at.empty()) {
    Result<Duration> given = ParseDuration(options.at);
    if (!given.ok()) return Fail(kExitUsage, "--at: " + given.status().message());
    at = Time{live ? at.ns - given->ns : given->ns};
  } else if (!live) {
    at = rows->empty() ? Time{} : rows->back().time;
  }
  const Picture picture = PictureAt(*rows, at);
  if (options.format == "json") {
    const Json json = {{"time_s", picture.at.seconds()},    {"round", picture.round},
                       {"demand", picture.demand},          {"nodes", picture.nodes},
                       {"holds", ToJson(picture.standing)}, {"done", ToJson(picture.done)}};
    std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    PrintText(picture, live);
  }
  return kExitOk;
}

}  // namespace orrery
