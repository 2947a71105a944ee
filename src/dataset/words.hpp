#pragma once

#include <array>
#include <string_view>

/// The words that synthetic prose is made of, by their place in a sentence. Changing a list changes every prompt.
namespace aiperf::dataset::words {

using Word = std::string_view;

inline constexpr auto k_determiners = std::to_array<Word>({
    "the",
    "the",
    "the",
    "this",
    "that",
    "every",
    "each",
    "one",
    "some",
    "their",
    "our",
    "its",
    "no",
    "another",
    "her",
    "his",
});

inline constexpr auto k_adjectives = std::to_array<Word>({
    "small",    "old",     "young",    "quiet",    "bright",   "dark",     "heavy",   "light",   "narrow",  "wide",
    "deep",     "shallow", "warm",     "cold",     "early",    "late",     "steady",  "sudden",  "patient", "careful",
    "careless", "honest",  "curious",  "simple",   "complex",  "modern",   "ancient", "empty",   "crowded", "broken",
    "perfect",  "strange", "familiar", "distant",  "nearby",   "gentle",   "rough",   "smooth",  "sharp",   "dull",
    "sweet",    "bitter",  "green",    "silver",   "golden",   "wooden",   "iron",    "public",  "private", "northern",
    "southern", "clever",  "tired",    "hungry",   "proud",    "humble",   "famous",  "unknown", "useful",  "useless",
    "fragile",  "solid",   "hollow",   "rapid",    "gradual",  "local",    "foreign", "rural",   "coastal", "central",
    "final",    "first",   "second",   "previous", "ordinary", "rare",     "common",  "precise", "vague",   "generous",
    "modest",   "lively",  "silent",   "noisy",    "dusty",    "polished", "hidden",  "visible", "remote",  "practical",
});

inline constexpr auto k_nouns = std::to_array<Word>({
    "river",     "mountain",   "village",   "city",       "garden",   "forest",   "harbor",     "bridge",
    "market",    "library",    "school",    "factory",    "kitchen",  "window",   "door",       "table",
    "chair",     "lamp",       "letter",    "book",       "story",    "poem",     "song",       "picture",
    "map",       "clock",      "machine",   "engine",     "wheel",    "ship",     "train",      "wagon",
    "road",      "path",       "field",     "farm",       "island",   "valley",   "desert",     "ocean",
    "lake",      "storm",      "cloud",     "winter",     "summer",   "spring",   "morning",    "evening",
    "night",     "moment",     "year",      "century",    "season",   "journey",  "harvest",    "festival",
    "meeting",   "question",   "answer",    "problem",    "method",   "theory",   "experiment", "result",
    "number",    "measure",    "record",    "report",     "message",  "signal",   "pattern",    "network",
    "computer",  "program",    "language",  "sentence",   "word",     "teacher",  "student",    "doctor",
    "farmer",    "sailor",     "painter",   "writer",     "engineer", "builder",  "merchant",   "captain",
    "neighbor",  "stranger",   "child",     "mother",     "father",   "friend",   "family",     "crowd",
    "company",   "council",    "committee", "government", "law",      "rule",     "promise",    "secret",
    "plan",      "design",     "project",   "tool",       "hammer",   "needle",   "rope",       "paper",
    "stone",     "metal",      "glass",     "cotton",     "silk",     "leather",  "bread",      "butter",
    "apple",     "orange",     "wheat",     "coffee",     "sugar",    "salt",     "water",      "fire",
    "smoke",     "shadow",     "mirror",    "candle",     "tower",    "wall",     "roof",       "cellar",
    "corner",    "square",     "street",    "station",    "hospital", "museum",   "theater",    "laboratory",
    "telescope", "microscope", "planet",    "star",       "moon",     "animal",   "horse",      "bird",
    "dog",       "fish",       "insect",    "flower",     "tree",     "leaf",     "seed",       "root",
    "memory",    "dream",      "idea",      "habit",      "skill",    "lesson",   "mistake",    "discovery",
    "invention", "tradition",  "custom",    "price",      "coin",     "treasure", "balance",    "instrument",
});

inline constexpr auto k_verbs = std::to_array<Word>({
    "carried",    "followed",  "measured",   "described", "explained", "remembered", "discovered", "examined",
    "repaired",   "built",     "painted",    "opened",    "closed",    "crossed",    "reached",    "left",
    "found",      "lost",      "kept",       "gave",      "bought",    "sold",       "counted",    "studied",
    "watched",    "heard",     "noticed",    "ignored",   "answered",  "asked",      "improved",   "changed",
    "replaced",   "supported", "surrounded", "protected", "attacked",  "defended",   "visited",    "avoided",
    "invited",    "welcomed",  "surprised",  "admired",   "trusted",   "doubted",    "compared",   "collected",
    "arranged",   "prepared",  "delivered",  "received",  "returned",  "borrowed",   "copied",     "translated",
    "published",  "printed",   "planted",    "gathered",  "divided",   "joined",     "covered",    "revealed",
    "tested",     "proved",    "accepted",   "refused",   "feared",    "loved",      "needed",     "produced",
    "controlled", "guided",    "observed",   "recorded",  "restored",  "reflected",  "crowded",    "moved",
    "pushed",     "pulled",    "lifted",     "dropped",   "filled",    "emptied",    "warmed",     "cooled",
});

inline constexpr auto k_adverbs = std::to_array<Word>({
    "slowly",  "quickly",   "quietly",    "carefully", "suddenly", "often",      "never",        "always",
    "rarely",  "usually",   "finally",    "already",   "nearly",   "almost",     "simply",       "gladly",
    "eagerly", "gradually", "precisely",  "barely",    "once",     "soon",       "later",        "patiently",
    "bravely", "honestly",  "cheerfully", "strangely", "calmly",   "accurately", "occasionally", "immediately",
});

inline constexpr auto k_prepositions = std::to_array<Word>({
    "in",     "on",     "under", "over",   "near",    "behind",  "beside",  "across", "through",
    "around", "before", "after", "during", "without", "against", "between", "toward", "beyond",
    "within", "above",  "from",  "with",   "for",     "at",      "by",      "along",
});

inline constexpr auto k_conjunctions = std::to_array<Word>({
    "and",
    "but",
    "because",
    "although",
    "while",
    "when",
    "so",
    "until",
    "since",
    "as",
    "where",
    "yet",
});

/// Words put in to make a length exact: short ones, most of them one token in any vocabulary.
inline constexpr auto k_fillers = std::to_array<Word>({
    "the", "and", "of",  "to",  "in",  "a",   "is",   "it",   "that", "for", "on", "with",
    "as",  "at",  "by",  "be",  "he",  "or",  "an",   "was",  "not",  "we",  "so", "if",
    "no",  "up",  "all", "out", "one", "can", "more", "time", "go",   "do",  "me", "us",
});

}  // namespace aiperf::dataset::words
