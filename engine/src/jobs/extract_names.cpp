#include "jobs/extract_names.hpp"

#include "base/redact.hpp"
#include "model/reference_grammar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace gantry::jobs {
namespace {

/// What messages call an image of an archive.
std::string label(const archive::source_image& image) {
  if (!image.content.names.empty()) return image.content.names.front().string();
  const std::string id(image.content.top.digest.short_form());
  return image.tags.empty() ? "image " + id : fmt::format("image {} (tagged {})", id, clean_text(image.tags.front()));
}

std::string labels(const std::vector<archive::source_image>& images) {
  constexpr std::size_t most = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, images.size()); ++i) text += (i == 0 ? "" : ", ") + label(images[i]);
  if (images.size() > most) text += fmt::format(" and {} more", images.size() - most);
  return text;
}

/// How \p images [at], which has no name, is meant alone on a command line, FILE standing for the archive: by a tag that no other has, else
/// by its place.
std::string word_for(const std::vector<archive::source_image>& images, std::size_t at) {
  if (images.size() == 1) return "FILE";
  for (const std::string& tag : images[at].tags) {
    const auto has_it = [&tag](const archive::source_image& one) {
      const auto& names = one.content.names;
      return std::find(one.tags.begin(), one.tags.end(), tag) != one.tags.end() ||
             std::any_of(names.begin(), names.end(), [&tag](const reference& name) { return name.tag() == tag; });
    };
    if (model::is_tag(tag) && std::count_if(images.begin(), images.end(), has_it) == 1) return "oci:FILE:" + tag;
  }
  return fmt::format("docker-archive:FILE:@{}", at);
}

result<name_plan> plan_wanted(const std::vector<archive::source_image>& images, const reference& wanted, const std::string& source) {
  name_plan plan;
  plan.names.resize(images.size());
  if (images.size() == 1) {
    plan.names.front().push_back(wanted);
    return plan;
  }
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto& names = images[i].content.names;
    if (std::find(names.begin(), names.end(), wanted) == names.end()) continue;
    plan.names[i].push_back(wanted);
    return plan;
  }
  return failure(errc::not_found,
                 fmt::format("{} holds {} images and none of them is {}: {}", source, images.size(), wanted.string(), labels(images)));
}

}  // namespace

result<name_plan> plan_names(const std::vector<archive::source_image>& images, const std::optional<reference>& wanted, bool force,
                             const std::function<digest(const reference&)>& held, const std::string& source) {
  if (images.empty()) return failure(errc::not_found, fmt::format("{} holds no image", source));
  if (wanted) return plan_wanted(images, *wanted, source);
  name_plan plan;
  std::map<reference, digest> given;
  bool any = false;
  for (const archive::source_image& image : images) {
    std::vector<reference>& names = plan.names.emplace_back();
    const digest& top = image.content.top.digest;
    if (image.content.names.empty()) {
      const std::string word = word_for(images, plan.names.size() - 1);
      plan.refused.push_back(fmt::format("{} gives {} no name; name it with 'gantry extract {} NAME'", source, label(image), word));
    }
    for (const reference& name : image.content.names) {
      const digest there = held(name);
      if (const auto [other, first] = given.try_emplace(name, top); !first && other->second != top) {
        plan.refused.push_back(
            fmt::format("{} gives the name {} to two images; it stays with {}", source, name.string(), other->second.string()));
      } else if (there && there != top && !force) {
        plan.refused.push_back(
            fmt::format("{} is already in the store as {}, and {} has {}; --force replaces it, and NAME behind the archive "
                        "stores this one under another name",
                        name.string(), there.string(), source, top.string()));
      } else {
        names.push_back(name);
        any = true;
      }
    }
  }
  if (any) return plan;
  return failure(errc::invalid_option, images.size() == 1 || plan.refused.size() == 1
                                           ? plan.refused.front()
                                           : fmt::format("no image of {} can be named: {}", source, plan.refused.front()));
}

}  // namespace gantry::jobs
