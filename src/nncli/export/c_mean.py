"""Write in C what the members of an ensemble come to together."""

from __future__ import annotations

from nncli.export.description import Description, shares_of

LOG_MEAN = """// The logarithm of the mean of numbers with these shares, from their logarithms
static double log_mean(const double l[MEMBERS])
{
    double top = l[0], sum = 0;
    int i;
    for (i = 1; i < MEMBERS; i++) top = fmax(top, l[i]);
    for (i = 0; i < MEMBERS; i++) sum += shares[i] * exp(l[i] - top);
    return top + log(sum);
}
"""
MEAN = {
    "identity": """\
static void mean_of(double s[MEMBERS][SCORES], double z[SCORES])
{
    int i, k;
    for (k = 0; k < SCORES; k++) { z[k] = 0; for (i = 0; i < MEMBERS; i++) z[k] += shares[i] * s[i][k]; }
}
""",
    "sigmoid": LOG_MEAN
    + """
// The scores of which the sigmoid is the mean of those of the members
static double log_sigmoid(double z) { return (z < 0 ? z : 0) - log1p(exp(z < 0 ? z : -z)); }
static void mean_of(double s[MEMBERS][SCORES], double z[SCORES])
{
    double l[MEMBERS], r[MEMBERS];
    int i, k;
    for (k = 0; k < SCORES; k++) {
        for (i = 0; i < MEMBERS; i++) { l[i] = log_sigmoid(s[i][k]); r[i] = log_sigmoid(-s[i][k]); }
        z[k] = log_mean(l) - log_mean(r);
    }
}
""",
    "softmax": LOG_MEAN
    + """
// The scores of which the softmax is the mean of those of the members
static void mean_of(double s[MEMBERS][SCORES], double z[SCORES])
{
    double l[MEMBERS];
    int i, k;
    for (i = 0; i < MEMBERS; i++) {
        double top = s[i][0], sum = 0;
        for (k = 1; k < SCORES; k++) top = fmax(top, s[i][k]);
        for (k = 0; k < SCORES; k++) sum += exp(s[i][k] - top);
        for (k = 0; k < SCORES; k++) s[i][k] -= top + log(sum);
    }
    for (k = 0; k < SCORES; k++) { for (i = 0; i < MEMBERS; i++) l[i] = s[i][k]; z[k] = log_mean(l); }
}
""",
}


def mean_of_members(description: Description) -> list[str]:
    """Return the function that turns the scores of the members of an ensemble into its own; nothing for one network."""
    if "members" not in description:
        return []
    shares = ", ".join(map(repr, shares_of(description)))
    head = [f"enum {{ MEMBERS = {len(description['members'])} }};", f"static const double shares[] = {{ {shares} }};"]
    return [*head, *MEAN[description["mean"]].splitlines()]
