"""What the record of a run that designs or chooses says in tables: names, units, and what the columns mean."""


def light_text(document: dict) -> str:
    """Return what a table says of photons and noise."""
    noise = document["noise"]
    photons = document["photons"]
    return (f"{photons:g} photons, " if photons else "") + f"{noise['name']} noise"


def shown_name(row: dict) -> str:
    """Return what a table calls a design: the start with the name that it had, or of the named one near to it."""
    start = str(row.get("start", "")).rpartition("/")[2]
    return f"{row['name']} ({'near ' if row.get('near') else ''}{start})" if start else row["name"]


def value_name(row: dict) -> str:
    """Return what a measurement consists of: pixels, values, or visibilities, of which only combinations may be looked at."""
    return "visibility" if row["complex"] else row["pixel_name"]


def explanations(document: dict) -> list[str]:
    """Return what the columns of the tables mean, from the document of a run."""
    first = document["designs"][0]
    lines = []
    if "label_information_bits" in first:
        lines.append(
            f"bits about the label: at least so many of {first['label_entropy_bits']:.3f}, by a classifier of fresh measurements "
            "of objects that no design was made for"
        )
    lines.append(
        f"bits/{'pixel' if first['pixel_name'] == 'pixel' else 'measurement'}: at most so many, by the density model that "
        f"held-out measurements prefer; fresh noise, {document['n_measure']} objects that no design was made for"
        + (", visibilities reduced to the combinations that tell of such objects" if _reduced(first) else "")
    )
    lines.append(
        f"{', '.join(first['targets'])}: about this part of Gaussian scenes like the objects, in closed form, "
        f"bits/{value_name(first)}"
        + (f"; of the {document['components']} leading principal components alone" if document["components"] else "")
        if first["targets"]
        else "no targets: in closed form a sensor that repeats itself after so many pixels takes too much memory"
    )
    if "colour" in first["targets"]:
        lines.append("colour: of a single pixel, told by all measurements, which neighbours share: it may be above total")
    if document["left_out"]:
        lines.append(f"not measured: {', '.join(document['left_out'])} (--against all)")
    return lines


def _reduced(row: dict) -> bool:
    """Tell whether only combinations of visibilities were looked at."""
    return row["complex"] and row["pixel_name"] != "visibility"


def choice_explanation(document: dict) -> str:
    """Return what the designs of a choice were measured with, from the document of its run."""
    text = f"re-measured: fresh noise, {document['n_measure']} objects that the choice was not made for"
    if document["unit"] == "bits per observation":
        return text + "; visibilities reduced to the combinations that tell of such objects, Gaussian model"
    return text + "; the closed form is of the objects' leading principal components alone"
