"""What people of an invented city say, where they live, and what they are called. Nobody is meant."""

STREETS = (
    "Alder", "Ash", "Birch", "Bridge", "Canal", "Castle", "Cedar", "Chapel", "Cherry", "Church", "Clover", "College",
    "Court", "Dock", "Elm", "Factory", "Fern", "Field", "Forge", "Foundry", "Garden", "Granary", "Harbour", "Hazel",
    "Hill", "Juniper", "Lake", "Library", "Linden", "Lock", "Market", "Meadow", "Mill", "Museum", "Oak", "Orchard",
    "Park", "Pine", "Quarry", "Queen", "Ridge", "River", "Rose", "School", "Sluice", "Spring", "Station", "Theatre",
    "Tower", "Vine", "Walnut", "Willow",
)  # fmt: skip
KINDS = ("Street", "Avenue", "Road", "Lane", "Square")

FIRST_NAMES = (
    "Aisha", "Alejandro", "Amara", "Anders", "Beatriz", "Chen", "Daan", "Deepika", "Elif", "Emeka", "Farah", "Grace",
    "Hanna", "Ibrahim", "Ingrid", "Jamal", "Joanna", "Kenji", "Lars", "Leila", "Lucia", "Mateusz", "Mei", "Nadia",
    "Noah", "Olga", "Priya", "Ravi", "Rosa", "Samuel", "Sofia", "Tariq", "Thandi", "Victor", "Wen", "Yusuf",
)  # fmt: skip
LAST_NAMES = (
    "Abara", "Andersen", "Baker", "Costa", "De Vries", "Diaz", "Fischer", "Gupta", "Haddad", "Iyer", "Jansen",
    "Kaya", "Kowalski", "Li", "Marino", "Mbeki", "Moreau", "Nguyen", "Novak", "Okafor", "Patel", "Petrov", "Quinn",
    "Rahman", "Rivera", "Sato", "Silva", "Singh", "Tanaka", "Usman", "Visser", "Weber", "Yilmaz", "Zhang",
)  # fmt: skip

SAID = {
    "water_leak": ("Water is leaking from the road", "A water main seems to have burst, it runs down the gutter"),
    "water_meter_lid": ("The lid of a water meter is gone", "A water meter lid is broken and somebody could fall"),
    "sewer": ("The sewer is blocked and overflowing", "Sewage comes up through the drain"),
    "flooding_storm_drain": ("The storm drain is clogged and the street floods", "Water stands knee-deep here"),
    "manhole_drain_cover": ("A manhole cover is missing", "The drain cover rattles and tips when cars drive over it"),
    "pothole_pavement": ("There is a deep pothole", "The road surface has broken up, my wheel hit it"),
    "sidewalk_curb": ("The sidewalk is cracked and lifted by roots", "The curb is broken, a wheelchair can't get past"),
    "bridge": ("The railing of the bridge is loose", "Concrete is falling off the underside of the bridge"),
    "snow_ice": ("The road is a sheet of ice", "Nobody has ploughed here since Sunday"),
    "sign": ("The stop sign has been knocked over", "The street name sign is missing"),
    "road_marking": ("The crosswalk can't be seen any more", "The lane markings are worn away"),
    "traffic_signal": ("The traffic light stays red", "The pedestrian signal is dark"),
    "traffic_study": ("Cars race down our street, please slow them down", "We need a crosswalk by the school"),
    "streetlight": ("The street light is out", "The street light flickers all night", "Three street lights are dark"),
    "litter_garbage": ("The bins were not emptied", "There is litter all over the square"),
    "illegal_dumping": ("Somebody has dumped mattresses", "Building rubble was dumped here overnight"),
    "graffiti": ("There is graffiti on the wall", "The bus shelter is covered in graffiti"),
    "dog_fouling": ("There is dog mess all along the path", "Nobody cleans up after their dogs here"),
    "overgrowth_row": ("The hedge has grown over the sidewalk", "Branches hide the traffic sign"),
    "tree": ("A tree has fallen across the road", "A big branch hangs loose over the sidewalk"),
    "parks": ("The swing in the playground is broken", "The bench in the park has collapsed"),
    "code_enforcement": ("The empty house next door is falling apart", "Rubbish is piling up in a front garden"),
    "noise": ("Loud music every night until four", "The building site begins at five in the morning"),
    "parking": ("Cars are parked on the bicycle lane", "A van blocks our driveway every day"),
    "abandoned_vehicle": ("A car without plates has stood here for weeks", "A burnt-out van has been left here"),
    "abandoned_bicycle": ("Six wrecked bicycles are chained to the railing", "An old bicycle blocks the ramp"),
    "rodents_animals": ("There are rats around the bins", "A dead fox is lying by the road"),
    "homeless_encampment": ("People are sleeping in tents under the bridge", "Somebody sleeps in a doorway"),
    "other": ("Something has to be done about this corner", "I do not know whom to tell about this"),
}  # fmt: skip
ELSE = ("Please have a look at this", "This needs somebody from the city")
"""For a category of a city's own."""

ENDINGS = (
    "", "", " It has been like this for days.", " My son nearly fell.", " I have called twice already.",
    " It is dangerous in the dark.", " Thank you!", " Right in front of the school.", " The neighbours are angry too.",
)  # fmt: skip
NOTES = (
    "The crew has been there; the spot is safe.", "Done and cleaned up. A photo is on file.",
    "Repaired. The surface has to settle and is looked at again in a week.",
    "It was smaller than reported; done at once.", "Done with the neighbours' help.",
    "The part had to be ordered, hence the delay. Done now.",
)  # fmt: skip
REJECTED = (
    "This belongs to the railway, not to the city.", "It was reported before, under another number.",
    "The place can't be found, and nobody can be asked.", "There was nothing to be seen when we came.",
)  # fmt: skip
FAILURES = (
    ("no_crew", "No crew accepted the work in time."),
    ("mail_refused", "The mail server has refused the letter for good."),
    ("no_answer", "Nobody has answered in time."),
)
