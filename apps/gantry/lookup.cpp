#include "lookup.hpp"

#include "file_lookup.hpp"
#include "json_line.hpp"

#include <algorithm>
#include <iterator>

namespace gantry::app {
namespace {

std::string lines(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += name + '\n';
  return text;
}

std::string json_list(const std::string& key, const std::string& object, const char* list, const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  std::transform(names.begin(), names.end(), std::back_inserter(quoted), [](const std::string& name) { return json_quote(name); });
  return json_object().add("version", std::uint64_t{1}).add(key, object).add_raw(list, json_array(quoted)).string() + "\n";
}

std::string digest_text(const digest_arguments& arguments, const std::string& name, const descriptor& found) {
  if (!arguments.common.json) return found.digest.string() + "\n";
  json_object object;
  object.add("version", std::uint64_t{1}).add("name", name).add("digest", found.digest.string());
  object.add("media_type", found.media_type).add("size", found.size);
  return object.string() + "\n";
}

inspect_options places_of(const digest_arguments& arguments) {
  inspect_options options;
  if (arguments.platform) options.platforms.push_back(*arguments.platform);
  options.offline = arguments.offline;
  return options;
}

const descriptor& wanted_of(const digest_arguments& arguments, const inspect_result& image) {
  return arguments.platform ? image.manifests.front().manifest : image.top;
}

int digest_of_file(const digest_arguments& arguments, const archive_input& from) {
  return run_file_lookup(arguments, from, places_of(arguments), [&](const inspect_files_result& found) -> outcome<std::string> {
    const auto only = the_image_of(arguments, found, "digest");
    if (!only) return only.error();
    const std::string name = (*only)->reference.registry().empty() ? arguments.object : (*only)->reference.string();
    return digest_text(arguments, name, wanted_of(arguments, **only));
  });
}

int digest_in_store(const digest_arguments& arguments) {
  return run_image_lookup<inspect_result>(
      arguments, places_of(arguments),
      [](engine& asked, const reference& image, inspect_options settings, diagnostics& text, auto token) {
        asked.async_inspect(image, std::move(settings), text, std::move(token));
      },
      [&](const reference& image, const inspect_result& found) {
        return digest_text(arguments, image.string(), wanted_of(arguments, found));
      });
}

}  // namespace

int digest_command(std::vector<std::string> words) {
  return run_parsed<digest_arguments>(parse_digest(std::move(words)), [](const digest_arguments& arguments) {
    const auto file = file_named_in(arguments);
    if (!file) return fail_early(file.error());
    if (*file) return digest_of_file(arguments, **file);
    if (arguments.offline) return digest_in_store(arguments);
    digest_options options;
    options.platform = arguments.platform;
    return run_image_lookup<digest_result>(
        arguments, options,
        [](engine& asked, const reference& image, digest_options settings, diagnostics& text, auto token) {
          asked.async_digest(image, std::move(settings), text, std::move(token));
        },
        [&](const reference& image, const digest_result& found) { return digest_text(arguments, image.string(), found.resolved); });
  });
}

int tags_command(std::vector<std::string> words) {
  return run_parsed<tags_arguments>(parse_tags(std::move(words)), [](const tags_arguments& arguments) {
    tags_options options;
    options.filter = arguments.filter;
    return run_image_lookup<tags_result>(
        arguments, options,
        [](engine& asked, const reference& repository, tags_options settings, diagnostics& text, auto token) {
          asked.async_tags(repository, std::move(settings), text, std::move(token));
        },
        [&](const reference& repository, const tags_result& found) {
          return arguments.common.json ? json_list("repository", repository.name(), "tags", found.tags) : lines(found.tags);
        });
  });
}

int repos_command(std::vector<std::string> words) {
  return run_parsed<repositories_arguments>(parse_repositories(std::move(words)), [](repositories_arguments arguments) {
    const std::string host = arguments.where.host;
    if (arguments.where.plain_http) arguments.common.plain_http.push_back(host);
    if (arguments.where.tls) arguments.common.tls_only.push_back(host);
    repositories_options options;
    options.below = arguments.where.path;
    return run_lookup<repositories_result>(
        arguments, std::set<std::string>{host}, options,
        [&](engine& asked, repositories_options settings, diagnostics& text, auto token) {
          asked.async_repositories(host, std::move(settings), text, std::move(token));
        },
        [&](const repositories_result& found) {
          return arguments.common.json ? json_list("registry", host, "repositories", found.repositories) : lines(found.repositories);
        });
  });
}

int delete_command(std::vector<std::string> words) {
  return run_parsed<lookup_arguments>(parse_delete(std::move(words)), [](const lookup_arguments& arguments) {
    return run_image_lookup<delete_result>(
        arguments, delete_options(),
        [](engine& asked, const reference& image, delete_options settings, diagnostics& text, auto token) {
          asked.async_delete(image, std::move(settings), text, std::move(token));
        },
        [&](const reference& image, const delete_result&) {
          if (!arguments.common.json) return "deleted " + image.string() + "\n";
          return json_object().add("version", std::uint64_t{1}).add("deleted", image.string()).string() + "\n";
        },
        false);
  });
}

}  // namespace gantry::app
