#include "registry/site.hpp"

namespace gantry::registry {
namespace {

// Less says more about the first round trip than about the rate.
constexpr std::uint64_t least_measured = std::uint64_t{256} << 10;
// Weight of the latest request in the rate.
constexpr double newest = 0.3;
constexpr std::chrono::seconds first_rest{1};
constexpr std::chrono::seconds longest_rest{60};

}  // namespace

void site_record::ended(std::uint64_t bytes, std::chrono::nanoseconds time) noexcept {
  if (active_ > 0) --active_;
  if (bytes != 0) failures_ = 0;
  if (bytes < least_measured || time.count() <= 0) return;
  const double measured = static_cast<double>(bytes) / std::chrono::duration<double>(time).count();
  rate_ = rate_ == 0 ? measured : rate_ + newest * (measured - rate_);
}

void site_record::failed(time_point now, std::chrono::seconds asked) noexcept {
  const auto rest = std::min<std::chrono::seconds>(longest_rest, first_rest * (1 << std::min(failures_, 6U)));
  ++failures_;
  asleep_until_ = std::max(asleep_until_, now + std::max(rest, std::min<std::chrono::seconds>(asked, std::chrono::hours(24))));
}

std::string with_name_space(const config::endpoint& at, std::string target) {
  if (at.name_space.empty()) return target;
  const std::string told = "ns=" + at.name_space;
  const std::size_t query = target.find('?');
  if (query == std::string::npos) return target + "?" + told;
  // A next page that the mirror has named may carry it already.
  const bool there = ("&" + target.substr(query + 1) + "&").find("&" + told + "&") != std::string::npos;
  return there ? target : target + "&" + told;
}

std::size_t choose_site(const std::vector<const site_record*>& records, const std::vector<bool>& excluded, site_record::time_point now) {
  std::size_t best = records.size();
  double least = 0;
  double fastest = 0;
  for (const site_record* one : records) fastest = std::max(fastest, one->rate());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const site_record& one = *records[i];
    if (excluded[i] || !one.usable(now)) continue;
    if (one.rate() == 0 && one.active() == 0) return i;
    // Until it is measured it is taken for as good as the best.
    const double rate = one.rate() > 0 ? one.rate() : std::max(fastest, 1.0);
    const double load = (one.active() + 1) / rate;
    if (best != records.size() && load >= least) continue;
    best = i;
    least = load;
  }
  return best;
}

}  // namespace gantry::registry
