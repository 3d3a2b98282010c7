#include "config/docker_config_edit.hpp"
#include "registry/credential_places.hpp"
#include "runtime/file.hpp"

#include <gantry/credentials.hpp>

#include <fmt/format.h>

#include <utility>

namespace gantry {
namespace {

namespace fs = std::filesystem;
using registry::credential_helper;
using registry::credential_place;

/// A file that credentials can be written to, as it stands.
struct config_file {
  credential_place place;
  std::string text;  ///< empty when the file does not exist
  config::docker_config config;
};

/// The place that the user named, else all that can be written; the oldest form and the variable are left alone.
std::vector<credential_place> writable_places(const credential_search& search) {
  std::vector<credential_place> places;
  for (credential_place& place : registry::credential_places(search)) {
    if (place.kind != credential_place::form::config) continue;
    const bool named = place.named;
    places.push_back(std::move(place));
    places.back().named = false;  // it may be about to be made
    if (named) break;
  }
  return places;
}

result<config_file> open_place(credential_place place) {
  auto text = registry::read_place(place);
  if (!text) return text.error();
  config_file file;
  file.text = text->value_or(std::string());
  if (!file.text.empty()) {
    auto parsed = registry::parse_place(place, file.text);
    if (!parsed) return parsed.error();
    file.config = std::move(*parsed);
  }
  file.place = std::move(place);
  return file;
}

result<void> write_place(const credential_place& place, std::string_view text) {
  std::error_code unknown;
  // The file behind a symbolic link is replaced, not the link: homes are often built of them.
  fs::path target = fs::weakly_canonical(place.file, unknown);
  if (unknown) target = place.file;
  if (target.has_parent_path()) {
    if (auto made = runtime::make_directories(target.parent_path(), 0700); !made) return made;
  }
  runtime::write_options options;
  options.permissions = 0600;
  return runtime::atomic_write_file(target, text, options);
}

/// The first file that has the registry, or a helper for it, already; else docker's.
result<config_file> choose_file(const credential_search& search, const std::string& registry) {
  std::vector<credential_place> places = writable_places(search);
  if (places.empty()) return failure(errc::bad_credentials, "there is no place to keep credentials in: HOME is not set");
  for (const credential_place& place : places) {
    auto file = open_place(place);
    if (!file) return file.error();
    if (places.size() == 1) return file;
    if (file->text.empty()) continue;
    const auto known = config::has_entry(file->text, place.name, registry);
    if (!known) return known.error();
    if (*known || !file->config.helper_for(registry).empty()) return file;
  }
  return open_place(places.back());
}

result<stored_credential> store(const credential_search& search, const std::string& registry, const credential& value) {
  auto file = choose_file(search, registry);
  if (!file) return file.error();
  const auto helper = registry::helper_of(search, file->config, registry);
  if (!helper) return helper.error();
  if (*helper && (*helper)->installed()) {
    if (auto kept = (*helper)->store(registry::helper_server(registry), value, search.stop); !kept) return kept.error();
    // An older entry in clear text has no business there any more.
    if (!file->text.empty()) {
      const auto rest = config::without_entry(file->text, file->place.name, registry);
      if (!rest) return rest.error();
      if (*rest) {
        if (auto written = write_place(file->place, **rest); !written) return written.error();
      }
    }
    return stored_credential{fmt::format("{}, named in {}", (*helper)->program_name(), file->place.name), false};
  }
  if (*helper && search.warn) {
    search.warn(fmt::format("the credential helper {}, which {} names, is not installed", (*helper)->program_name(), file->place.name));
  }
  config::auth_entry entry;
  entry.username = value.username;
  entry.password = value.password;
  entry.identity_token = value.identity_token;
  const auto text = config::with_entry(file->text, file->place.name, registry, entry);
  if (!text) return text.error();
  if (auto written = write_place(file->place, *text); !written) return written.error();
  return stored_credential{file->place.name, true};
}

result<std::vector<std::string>> erase(const credential_search& search, const std::string& registry) {
  std::vector<std::string> places;
  for (const credential_place& place : writable_places(search)) {
    auto file = open_place(place);
    if (!file) return file.error();
    if (file->text.empty()) continue;
    const auto helper = registry::helper_of(search, file->config, registry);
    if (!helper) return helper.error();
    if (*helper && (*helper)->installed()) {
      const std::string server = registry::helper_server(registry);
      const auto known = (*helper)->get(server, search.stop);
      if (!known) return known.error();
      if (*known) {
        if (auto erased = (*helper)->erase(server, search.stop); !erased) return erased.error();
        places.push_back(fmt::format("{}, named in {}", (*helper)->program_name(), place.name));
      }
    }
    const auto rest = config::without_entry(file->text, place.name, registry);
    if (!rest) return rest.error();
    if (!*rest) continue;
    if (auto written = write_place(place, **rest); !written) return written.error();
    places.push_back(place.name);
  }
  return places;
}

template <class T>
error_code deliver(result<T> outcome, T& into, diagnostics& problem) {
  if (outcome) {
    into = std::move(*outcome);
    return {};
  }
  problem = outcome.error().text;
  return outcome.error().code;
}

}  // namespace

error_code store_credential(const credential_search& search, const std::string& registry, const credential& value,
                            stored_credential& stored, diagnostics& problem) {
  return deliver(store(search, registry, value), stored, problem);
}

error_code erase_credential(const credential_search& search, const std::string& registry, std::vector<std::string>& places,
                            diagnostics& problem) {
  return deliver(erase(search, registry), places, problem);
}

}  // namespace gantry
