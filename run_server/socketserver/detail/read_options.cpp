#include <socketserver/detail/read_options.hpp>

#include <boost/program_options.hpp>

#include <algorithm>
#include <utility>

namespace socketserver::detail {

namespace {

namespace po = boost::program_options;

po::options_description describe(const std::vector<const ProgramOptions*>& known) {
    po::options_description described;
    for (const ProgramOptions* const options : known) {
        for (const ProgramOption& option : *options) {
            const std::string names = option.name == "help" ? "help,h" : option.name;
            if (option.value_name.empty())
                described.add_options()(names.c_str(), "");
            else
                described.add_options()(names.c_str(), po::value<std::string>(), "");
        }
    }
    return described;
}

// The parser's messages have %names% for what it fills in, and where an argument holds one it fills in for ever. So it sees no
// percent signs: they, and the byte that takes their place, are two bytes while it looks.
constexpr char hiding = '\x1a';
constexpr char hidden_percent = 'p';
constexpr char hidden_hiding = 'h';
// Whether the parser takes the next argument for a value that may be left out, depends on Boost's version. So it is told of a
// value that is none.
constexpr char no_value = 'n';

std::string hide_percents(std::string_view text) {
    std::string hidden;
    for (const char c : text) {
        if (c == '%' || c == hiding)
            hidden.append({hiding, c == '%' ? hidden_percent : hidden_hiding});
        else
            hidden += c;
    }
    return hidden;
}

std::string show_percents(std::string_view hidden) {
    std::string text;
    for (std::size_t i = 0; i < hidden.size(); ++i) {
        if (hidden[i] != hiding || i + 1 == hidden.size())
            text += hidden[i];
        else if (hidden[++i] != no_value)
            text += hidden[i] == hidden_percent ? '%' : hiding;
        else if (text.ends_with('='))  // where it was taken for the value of the option before
            text.pop_back();
    }
    return text;
}

bool has_optional_value(const std::vector<const ProgramOptions*>& known, std::string_view name) {
    return std::any_of(known.begin(), known.end(), [name](const ProgramOptions* options) {
        return std::any_of(options->begin(), options->end(),
                           [name](const ProgramOption& option) { return option.optional && option.name == name; });
    });
}

/// The arguments as the parser has to see them.
std::vector<std::string> tokens_of(const std::vector<const ProgramOptions*>& known,
                                   std::span<const std::string> arguments) {
    std::vector<std::string> tokens;
    bool options_end = false;
    for (const std::string& argument : arguments) {
        options_end = options_end || argument == "--";
        // The parser would take its value for an argument.
        if (!options_end && argument.starts_with("--="))
            throw UsageError("unrecognised option '" + argument + "'");
        // "--host=" is "--host" and an empty value, which the parser would not take in one piece.
        const bool empty_value =
            !options_end && argument.starts_with("--") && argument.find('=') == argument.size() - 1;
        tokens.push_back(hide_percents(empty_value ? argument.substr(0, argument.size() - 1) : argument));
        if (empty_value)
            tokens.emplace_back();
        else if (!options_end && argument.starts_with("--") && has_optional_value(known, argument.substr(2)))
            tokens.back().append({'=', hiding, no_value});
        else if (!options_end && argument == "-h")
            tokens.back().append({hiding, no_value});
    }
    return tokens;
}

const ProgramOption& find(const std::vector<const ProgramOptions*>& known, std::string_view name) {
    for (const ProgramOptions* const options : known) {
        const auto found = std::find_if(options->begin(), options->end(),
                                        [&](const ProgramOption& option) { return option.name == name; });
        if (found != options->end())
            return *found;
    }
    throw UsageError("unrecognised option '--" + std::string(name) + "'");
}

void check_company(const ProgramOption& option, const std::string& called, const GivenOptions& given) {
    const auto forbidden = std::find_if(option.not_with.begin(), option.not_with.end(),
                                        [&](const std::string& other) { return given.contains(other); });
    if (forbidden != option.not_with.end())
        throw UsageError(called + " cannot be used with --" + *forbidden);
    if (!option.needs.empty() && !given.contains(option.needs))
        throw UsageError(called + " needs --" + option.needs);
}

void check_mode(const ProgramOption& option, const GivenOptions& given, const ChosenMode& chosen) {
    const auto is_in = [](const std::vector<Mode>& modes, Mode mode) {
        return std::find(modes.begin(), modes.end(), mode) != modes.end();
    };
    std::string refusal = "--" + option.name + " cannot be used with --mode ";
    refusal += to_string(chosen.mode);
    if (!given.contains("mode"))
        refusal += ", the default";
    const std::vector<Mode> modes = modes_of(option);
    if (!is_in(modes, chosen.mode))
        throw UsageError(refusal + "; it needs --mode " + list_of(modes, " or "));
    const std::vector<Mode> inner = inner_modes_of(option);
    if (chosen.mode == Mode::preforking && !is_in(inner, chosen.inner))
        throw UsageError(refusal + " --inner " + std::string(to_string(chosen.inner)) + "; it needs --inner " +
                         list_of(inner, " or "));
}

}  // namespace

bool GivenOptions::contains(std::string_view name) const noexcept {
    return std::any_of(options.begin(), options.end(), [&](const Option& option) { return option.name == name; });
}

GivenOptions read_options(const std::vector<const ProgramOptions*>& known, std::span<const std::string> arguments) {
    const po::options_description described = describe(known);
    const auto parse = [&] {
        try {
            // Abbreviations would change their meaning with each option to come.
            constexpr int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
            return po::command_line_parser(tokens_of(known, arguments)).options(described).style(style).run();
        } catch (const po::error& failure) {
            throw UsageError(show_percents(failure.what()));
        }
    };
    GivenOptions given;
    for (const auto& parsed : parse().options) {
        if (parsed.position_key >= 0) {
            given.arguments.push_back(show_percents(parsed.value.front()));
            continue;
        }
        const ProgramOption& option = find(known, parsed.string_key);
        if (!option.repeats && given.contains(option.name))
            throw UsageError("option '--" + option.name + "' is given twice");
        given.options.push_back(
            {option.name, parsed.value.empty() ? std::string() : show_percents(parsed.value.front())});
        try {
            option.store(given.options.back().value);
        } catch (const UsageError& failure) {
            throw UsageError("--" + option.name + ": " + failure.what());
        }
    }
    return given;
}

void check_combinations(const std::vector<const ProgramOptions*>& known, const GivenOptions& given,
                        const ChosenMode& chosen) {
    for (const GivenOptions::Option& one : given.options) {
        const ProgramOption& option = find(known, one.name);
        check_mode(option, given, chosen);
        check_company(option, "--" + option.name, given);
    }
}

void store_arguments(const ProgramOptions& wanted, const GivenOptions& given) {
    const std::vector<ProgramOption>& all = wanted.arguments();
    const std::vector<std::string>& texts = given.arguments;
    if (texts.size() > all.size())
        throw UsageError("unexpected argument '" + texts[all.size()] + "'");
    if (texts.size() < all.size() && !all[texts.size()].optional)
        throw UsageError(all[texts.size()].name + " is missing: " + all[texts.size()].description);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        check_company(all[i], all[i].name, given);
        try {
            all[i].store(texts[i]);
        } catch (const UsageError& failure) {
            throw UsageError(all[i].name + ": " + failure.what());
        }
    }
}

}  // namespace socketserver::detail
