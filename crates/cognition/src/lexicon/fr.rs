use super::Lexicon;

#[rustfmt::skip]
pub(super) static LEXICON: Lexicon = Lexicon {
    code: "fr",
    stopwords: &[
        "a", "à", "ai", "alors", "après", "au", "aussi", "autre", "aux", "avait", "avant", "avec", "avez", "avoir", "avons", "bien", "c'est",
        "car", "ce", "cela", "ces", "cet", "cette", "comme", "d'un", "d'une", "dans", "de", "des", "donc", "dont", "du", "elle", "elles",
        "en", "encore", "est", "et", "été", "était", "être", "fait", "il", "ils", "j'ai", "je", "la", "le", "les", "leur", "lui", "ma",
        "mais", "me", "même", "mes", "moi", "mon", "ne", "nos", "notre", "nous", "on", "ont", "ou", "où", "par", "pas", "peu", "peut", "plus",
        "pour", "qu'il", "quand", "que", "qui", "sa", "sans", "se", "ses", "si", "son", "sont", "sur", "ta", "te", "tes", "toi", "ton", "tout",
        "très", "tu", "un", "une", "vos", "votre", "vous", "y",
    ],
    fillers: &["euh", "ben", "bah", "hein", "bon", "voilà", "quoi", "genre", "enfin"],
    weak_openings: &["et", "mais", "donc", "alors", "euh", "ben", "bah", "ou", "car", "parce que", "enfin", "bon", "voilà", "et puis",
        "et donc", "du coup", "puis", "comme je disais", "ensuite"],
    greetings: &["bonjour", "bonsoir", "salut", "bienvenue", "coucou", "merci", "aujourd'hui on", "dans cette vidéo", "je m'appelle",
        "n'oubliez pas"],
    back_references: &["comme je disais", "comme j'ai dit", "comme on l'a vu", "tout à l'heure", "la même chose", "la dernière fois"],
    pronouns: &["il", "elle", "ils", "elles", "ça", "cela", "ce", "c'est", "ceci", "celui", "celle", "ceux", "lui", "leur", "y", "en"],
    second_person: &["tu", "toi", "ton", "ta", "tes", "vous", "votre", "vos"],
    contrast: &["mais", "pourtant", "cependant", "jamais", "rien", "personne", "faux", "contraire", "sans", "malgré", "plutôt", "sauf"],
    strong: &["secret", "vérité", "mensonge", "erreur", "problème", "danger", "dangereux", "mort", "amour", "haine", "peur", "argent", "million",
        "millions", "pouvoir", "guerre", "fou", "incroyable", "terrible", "magnifique", "parfait", "échec", "succès", "perdu", "gagné",
        "interdit", "vie", "monde", "avenir", "rêve", "impossible", "important"],
    surprise: &["soudain", "incroyable", "surprenant", "figurez-vous", "imaginez", "imagine", "devinez", "personne ne sait"],
    amounts: &["meilleur", "meilleure", "pire", "premier", "première", "dernier", "seul", "toujours", "jamais", "chaque", "tous", "deux", "trois",
        "quatre", "cinq", "dix", "cent", "mille", "million", "millions", "moitié", "double"],
    claims: &["la raison", "le secret", "la vérité", "le problème", "l'astuce", "la clé", "le plus", "la plupart", "imaginez", "pourquoi",
        "comment", "saviez-vous", "si vous", "si tu", "il faut", "je crois", "personne"],
    conclusions: &["c'est pourquoi", "voilà pourquoi", "c'est pour ça", "donc", "au final", "finalement", "en fin de compte", "bref",
        "ça veut dire", "autrement dit", "en résumé", "la morale"],
};
