#include "runtime/autoscaler/bin_packer.h"

#include <algorithm>
#include <queue>
#include <tuple>
#include <utility>

namespace orrery {

void DemandSpace::Add(const DemandGroup& demand) {
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    const auto kind = static_cast<ResourceKind>(i);
    if (demand.resources.Get(kind) == FixedPoint{}) continue;
    if (std::find(predefined_.begin(), predefined_.end(), kind) == predefined_.end()) predefined_.push_back(kind);
  }
  for (const auto& [name, amount] : demand.resources.custom()) {
    if (std::find(custom_.begin(), custom_.end(), name) == custom_.end()) custom_.push_back(name);
  }
  if (!demand.labels.empty() && !SelectorOf(demand.labels)) selectors_.push_back(demand.labels);
}

void DemandSpace::NoteNode(const Amounts& total) {
  scale_.resize(total.size());
  for (size_t k = 0; k < total.size(); ++k) scale_[k] = std::max(scale_[k], total[k]);
}

Amounts DemandSpace::Of(const ResourceSet& resources, bool demand) const {
  Amounts amounts;
  for (ResourceKind kind : predefined_) {
    int64_t raw = resources.Get(kind).raw;
    if (demand && kind == ResourceKind::kGpu && raw > 0 && raw < FixedPoint::kUnit)
      raw = FixedPoint::kUnit / (FixedPoint::kUnit / raw);
    amounts.push_back(raw);
  }
  for (const std::string& name : custom_) amounts.push_back(resources.Get(name).raw);
  return amounts;
}

std::vector<bool> DemandSpace::MatchesOf(const Labels& labels) const {
  std::vector<bool> matches;
  for (const LabelSelector& selector : selectors_) matches.push_back(Matches(selector, labels));
  return matches;
}

std::optional<size_t> DemandSpace::SelectorOf(const LabelSelector& labels) const {
  const auto found = std::find(selectors_.begin(), selectors_.end(), labels);
  if (found == selectors_.end()) return std::nullopt;
  return static_cast<size_t>(found - selectors_.begin());
}

std::optional<size_t> DemandSpace::gpu() const {
  const auto found = std::find(predefined_.begin(), predefined_.end(), ResourceKind::kGpu);
  if (found == predefined_.end()) return std::nullopt;
  return static_cast<size_t>(found - predefined_.begin());
}

bool BinClass::operator<(const BinClass& other) const {
  return std::tie(type, total, free, matches) < std::tie(other.type, other.total, other.free, other.matches);
}

void BinPacker::SortHardestFirst(const DemandSpace& space, std::vector<PackDemand>& demands) {
  const auto hardness = [&](const PackDemand& demand) {
    int kinds = 0;
    double sum = 0;
    for (size_t k = 0; k < demand.amounts.size(); ++k) {
      if (demand.amounts[k] == 0) continue;
      ++kinds;
      sum += static_cast<double>(demand.amounts[k]) / space.Scale(k);
    }
    return std::tuple(demand.constraints, kinds, sum);
  };
  std::sort(demands.begin(), demands.end(), [&](const PackDemand& a, const PackDemand& b) {
    const auto ha = hardness(a), hb = hardness(b);
    if (ha != hb) return ha > hb;
    if (a.amounts != b.amounts) return a.amounts > b.amounts;
    return a.group < b.group;
  });
}

BinPacker::Fit BinPacker::Try(const Amounts& total, Amounts free, const std::vector<bool>& matches,
                              double price) const {
  Fit fit;
  for (size_t i = 0; i < demands_.size(); ++i) {
    const PackDemand& demand = demands_[i];
    if (demand.count == 0 || (demand.selector && !matches[*demand.selector])) continue;
    uint64_t fits = options_.one_per_node ? 1 : demand.count;
    for (size_t k = 0; k < free.size() && fits > 0; ++k) {
      if (demand.amounts[k] == 0) continue;
      const int64_t room = free[k] <= 0 ? 0 : free[k] / demand.amounts[k];
      fits = std::min(fits, static_cast<uint64_t>(room));
    }
    if (fits == 0) continue;
    if (fit.empty) fit.used.resize(demands_.size());
    fit.empty = false;
    fit.used[i] = fits;
    for (size_t k = 0; k < free.size(); ++k) free[k] -= demand.amounts[k] * static_cast<int64_t>(fits);
    if (options_.one_per_node) break;
  }
  if (!fit.empty) fit.score = ScoreOf(fit, total, free, price);
  return fit;
}

BinPacker::Score BinPacker::ScoreOf(const Fit& fit, const Amounts& total, const Amounts& free, double price) const {
  Score score;
  std::vector<bool> used(total.size());
  double value = 0;
  for (size_t i = 0; i < fit.used.size(); ++i) {
    if (fit.used[i] == 0) continue;
    score.label_rank += demands_[i].selector.has_value();
    for (size_t k = 0; k < total.size(); ++k) {
      if (demands_[i].amounts[k] == 0) continue;
      used[k] = true;
      value += static_cast<double>(demands_[i].amounts[k]) * static_cast<double>(fit.used[i]) / space_.Scale(k);
    }
  }
  score.label_rank = std::min(score.label_rank, 1);
  const auto gpu = space_.gpu();
  score.gpu_fits = !gpu || total[*gpu] == 0 || used[*gpu];
  if (options_.rule == PackRule::kCost) {
    score.gpu_fits = 0;  // the price says it better
    score.worth = value / std::max(price, 1e-9);
    return score;
  }
  double least = 1e300, sum = 0;
  int kinds = 0;
  for (size_t k = 0; k < total.size(); ++k) {
    if (total[k] <= 0) continue;
    score.kinds += used[k];
    const double u = static_cast<double>(total[k] - free[k]) / static_cast<double>(total[k]);
    const double worth = static_cast<double>(total[k]) / space_.Scale(k) * u * u * u;
    least = std::min(least, worth);
    sum += worth;
    ++kinds;
  }
  if (kinds > 0) score.worth = least, score.mean = sum / kinds;
  return score;
}

uint64_t BinPacker::Times(const std::vector<uint64_t>& used, uint64_t most) const {
  for (size_t i = 0; i < used.size(); ++i) {
    if (used[i] > 0) most = std::min(most, demands_[i].count / used[i]);
  }
  return most;
}

void BinPacker::Subtract(const std::vector<uint64_t>& used, uint64_t times) {
  for (size_t i = 0; i < used.size(); ++i) demands_[i].count -= used[i] * times;
}

uint64_t BinPacker::left() const {
  uint64_t left = 0;
  for (const PackDemand& demand : demands_) left += demand.count;
  return left;
}

std::vector<Filling> BinPacker::PackExisting(const std::vector<BinClass>& classes) {
  struct Entry {
    Score score;
    size_t bin;
    bool operator<(const Entry& other) const {
      return score != other.score ? score < other.score : bin > other.bin;  // a tie goes to the first
    }
  };
  std::vector<Filling> fillings;
  std::priority_queue<Entry> queue;
  std::vector<Fit> fits(classes.size());
  std::vector<uint64_t> nodes(classes.size());
  const auto offer = [&](size_t bin) {
    const BinClass& bins = classes[bin];
    fits[bin] = Try(bins.total, bins.free, bins.matches, 1);
    if (!fits[bin].empty) queue.push({fits[bin].score, bin});
  };
  for (size_t bin = 0; bin < classes.size(); ++bin) {
    nodes[bin] = classes[bin].members.size();
    offer(bin);
  }
  while (!queue.empty()) {
    const size_t bin = queue.top().bin;
    queue.pop();
    const uint64_t times = Times(fits[bin].used, nodes[bin]);
    if (times > 0) {
      fillings.push_back({bin, times, fits[bin].used});
      Subtract(fits[bin].used, times);
      nodes[bin] -= times;
    }
    if (nodes[bin] > 0) offer(bin);
  }
  return fillings;
}

std::vector<Filling> BinPacker::PackNew(std::vector<Candidate>& candidates, int64_t& total_budget) {
  std::vector<Filling> fillings;
  while (total_budget > 0 && left() > 0) {
    size_t best = candidates.size();
    Fit best_fit;
    for (size_t c = 0; c < candidates.size(); ++c) {
      if (candidates[c].budget <= 0) continue;
      Fit fit = Try(candidates[c].total, candidates[c].total, candidates[c].matches, candidates[c].price);
      if (fit.empty || (best < candidates.size() && fit.score <= best_fit.score)) continue;
      best = c;
      best_fit = std::move(fit);
    }
    if (best == candidates.size()) break;
    const int64_t most = std::min(candidates[best].budget, total_budget);
    const uint64_t times = Times(best_fit.used, static_cast<uint64_t>(most));
    fillings.push_back({best, times, best_fit.used});
    Subtract(best_fit.used, times);
    candidates[best].budget -= static_cast<int64_t>(times);
    total_budget -= static_cast<int64_t>(times);
  }
  return fillings;
}

std::vector<uint32_t> BinPacker::Take(std::vector<BinClass>& classes, const std::vector<PackDemand>& demands,
                                      const Filling& filling) {
  BinClass taken = classes[filling.bin];
  std::vector<uint32_t>& members = classes[filling.bin].members;
  const auto end = members.begin() + static_cast<std::ptrdiff_t>(filling.nodes);
  taken.members.assign(members.begin(), end);
  members.erase(members.begin(), end);
  for (size_t i = 0; i < filling.used.size(); ++i) {
    for (size_t k = 0; k < taken.free.size(); ++k)
      taken.free[k] -= demands[i].amounts[k] * static_cast<int64_t>(filling.used[i]);
  }
  std::vector<uint32_t> result = taken.members;
  classes.push_back(std::move(taken));
  return result;
}

}  // namespace orrery
