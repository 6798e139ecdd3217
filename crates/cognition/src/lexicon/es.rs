use super::Lexicon;

#[rustfmt::skip]
pub(super) static LEXICON: Lexicon = Lexicon {
    code: "es",
    stopwords: &[
        "a", "al", "algo", "ante", "antes", "así", "aunque", "cada", "como", "con", "cual", "cuando", "de", "del", "desde", "donde", "dos",
        "e", "el", "él", "ella", "ellas", "ellos", "en", "entonces", "entre", "era", "es", "esa", "ese", "eso", "esta", "está", "estaba",
        "están", "este", "esto", "estoy", "fue", "ha", "había", "hace", "hacer", "han", "hasta", "hay", "he", "la", "las", "le", "les",
        "lo", "los", "más", "me", "mi", "mis", "muy", "nada", "ni", "no", "nos", "nosotros", "o", "otra", "otro", "para", "pero", "poco",
        "por", "porque", "puede", "que", "qué", "quien", "se", "sea", "ser", "si", "sí", "sin", "sobre", "son", "soy", "su", "sus", "también",
        "tan", "te", "tener", "tengo", "tiene", "todo", "todos", "tu", "tus", "un", "una", "uno", "unos", "usted", "va", "vamos", "voy", "y",
        "ya", "yo",
    ],
    fillers: &["eh", "este", "pues", "o sea", "bueno", "mm", "em", "digamos", "vale"],
    weak_openings: &["y", "pero", "entonces", "pues", "o sea", "bueno", "porque", "o", "eh", "este", "así que", "y entonces", "además",
        "luego", "como decía"],
    greetings: &["hola", "buenos días", "buenas tardes", "buenas noches", "bienvenidos", "bienvenido", "gracias por", "hoy vamos",
        "en este video", "en este vídeo", "mi nombre es", "no olvides", "no olviden"],
    back_references: &["como decía", "como dije", "como ya dije", "antes mencioné", "lo mismo", "la última vez"],
    pronouns: &["él", "ella", "ellos", "ellas", "eso", "esto", "esa", "ese", "lo", "le", "les", "ahí", "allí", "aquello"],
    second_person: &["tú", "tu", "tus", "te", "ti", "usted", "ustedes", "vosotros", "vuestro"],
    contrast: &["pero", "sino", "aunque", "sin embargo", "nunca", "jamás", "nadie", "nada", "contrario", "sin", "menos", "excepto"],
    strong: &["secreto", "verdad", "mentira", "error", "problema", "peligro", "peligroso", "muerte", "muerto", "amor", "odio", "miedo", "dinero",
        "millón", "millones", "poder", "guerra", "loco", "locura", "increíble", "terrible", "hermoso", "perfecto", "fracaso", "éxito", "perdí",
        "gané", "prohibido", "vida", "mundo", "futuro", "sueño", "imposible", "importante"],
    surprise: &["de repente", "increíble", "sorprendente", "imagina", "imagínate", "adivina", "nadie sabe", "resulta que"],
    amounts: &["mejor", "peor", "primero", "primera", "último", "única", "único", "siempre", "nunca", "cada", "todos", "tres", "cuatro", "cinco",
        "diez", "cien", "mil", "millón", "millones", "ciento", "mitad", "doble"],
    claims: &["la razón", "el secreto", "la verdad", "el problema", "el truco", "la clave", "la mayoría", "imagina", "por qué", "cómo",
        "sabías que", "si tú", "si quieres", "tienes que", "hay que", "creo que", "nadie"],
    conclusions: &["por eso", "por lo tanto", "así que", "al final", "en fin", "en resumen", "eso significa", "es decir", "en conclusión",
        "resulta que", "la moraleja", "lo importante es"],
};
