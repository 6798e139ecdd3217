use std::sync::Arc;
use omniva_assets::Library;
use omniva_contracts::engine::FoundItem;
use omniva_contracts::{Fault, Monitor};
use url::Url;
use crate::net::Net;
use crate::source::{Fetched, Looked, Source, Window};
pub struct YtdlpSource;
impl YtdlpSource { pub fn new(_: Arc<Net>, _: Url, _: u32) -> Result<Self, Fault> { Ok(Self) } }
impl Source for YtdlpSource {
    fn look(&self, _: &Window, _: &dyn Monitor) -> Result<Looked, Fault> { Err(Fault::cancelled()) }
    fn confirm(&self, _: Vec<FoundItem>, _: &dyn Monitor) -> Result<Looked, Fault> { Err(Fault::cancelled()) }
    fn fetch(&self, _: &FoundItem, _: &Library, _: &dyn Monitor) -> Result<Fetched, Fault> { Err(Fault::cancelled()) }
}
